"""The test database, made once from the real migrations and cloned; and the world most tests stand in.

Tests sign in to PostgreSQL as the portal does (parley_app), so row-level security holds in them too.
"""

import fcntl
import hashlib
import os
import pickle
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import connection, connections, transaction
from xdist.scheduler import LoadFileScheduling

ROOT = Path(__file__).resolve().parent.parent
PASSWORD = "correct horse battery staple"
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
pytest_plugins = ["tests.isolation.fixtures"]


class _Schedule(LoadFileScheduling):
    """Each file in one process, and all that break the demo in the same one: starting it takes a while."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        has_demo = file.startswith("tests/faults/") and "launcher" not in file
        return "tests/faults" if has_demo else file


def pytest_configure() -> None:
    """Each test client would read all static files anew to know what there is: they are looked up when asked for."""
    settings.WHITENOISE_AUTOREFRESH = True


def pytest_runtest_setup(item: pytest.Item) -> None:
    """`make test` finds or installs Chromium; elsewhere there may be none."""
    if item.get_closest_marker("browser") and not CHROMIUM:
        pytest.skip("needs Chromium: install it, or name its path in CHROMIUM")


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> _Schedule:
    """In the order of their names: sorted by how many tests they hold, the slowest files would come last."""
    config.option.loadscopereorder = False
    return _Schedule(config, log)


@pytest.fixture(scope="session")
def django_db_setup(
    django_db_blocker: pytest.FixtureRequest, request: pytest.FixtureRequest
) -> Iterator[None]:
    """A database of this process's own, cloned from a template that is keyed by the migrations' content."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    with cloned(f"parley_test_{worker}", django_db_blocker):
        yield


@pytest.fixture
def committed_db(
    django_db_setup: None, django_db_blocker: pytest.FixtureRequest, request: pytest.FixtureRequest
) -> Iterator[str]:
    """A database of this test's own in which transactions really commit, for what other connections or
    processes must see; its name. Not to be used together with `db`.
    """
    has_world = "committed_world" in request.fixturenames
    template = request.getfixturevalue("_cast").copy if has_world else None
    name = f"{settings.DATABASES['default']['NAME']}_own"
    with cloned(name, django_db_blocker, template=template), django_db_blocker.unblock():
        yield name


@contextmanager
def cloned(name: str, blocker: Any, *, template: str | None = None) -> Iterator[str]:
    """Points Django at a fresh copy of the migrated database, or of another one."""
    before = settings.DATABASES["default"]["NAME"]
    if template is None:
        template = f"parley_tpl_{migrations_hash()}"
        _make_template(template)
    with psycopg.connect(settings.DATABASE_OWNER_URL, autocommit=True) as owner:
        _drop(owner, name)
        owner.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    _use(name, blocker)
    yield name
    _use(before, blocker)
    with psycopg.connect(settings.DATABASE_OWNER_URL, autocommit=True) as owner:
        _drop(owner, name)


def _drop(owner: psycopg.Connection, name: str) -> None:
    """Its owner may not end the sessions of the role that the portal signs in as: waits until they are gone."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            owner.execute(f"DROP DATABASE IF EXISTS {name}")
        except psycopg.errors.ObjectInUse:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError(f"{name} is still in use")


def _use(name: str, blocker: Any) -> None:
    with blocker.unblock():
        connections.close_all()
    connections["default"].settings_dict["NAME"] = name
    settings.DATABASES["default"]["NAME"] = name


def migrations_hash() -> str:
    """Another one whenever a migrated database would be another."""
    digest = hashlib.sha256()
    for path in sorted([*ROOT.glob("*/migrations/*.py"), *ROOT.glob("portal/*/migrations/*.py")]):
        digest.update(path.read_bytes())
    for path in ("requirements.lock", "portal/tenancy/operations.py", "portal/tenancy/shared_tables.py"):
        digest.update((ROOT / path).read_bytes())
    return digest.hexdigest()[:16]


def _make_template(name: str) -> None:
    """Migrated once, whoever comes first; the others wait."""
    lock = ROOT / "var" / "template.lock"
    lock.parent.mkdir(exist_ok=True)
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with psycopg.connect(settings.DATABASE_OWNER_URL, autocommit=True) as owner:
            if owner.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                return
            owner.execute(f"DROP DATABASE IF EXISTS {name}_new WITH (FORCE)")
            owner.execute(f"CREATE DATABASE {name}_new")
        url = settings.DATABASE_OWNER_URL.replace("/parley?", f"/{name}_new?")
        environment = {**os.environ, "PARLEY_DB_AS": "owner", "DATABASE_OWNER_URL": url}
        command = [sys.executable, "manage.py", "migrate", "-v0"]
        subprocess.run(command, cwd=ROOT, env=environment, check=True)
        with psycopg.connect(settings.DATABASE_OWNER_URL, autocommit=True) as owner:
            owner.execute(f"ALTER DATABASE {name}_new RENAME TO {name}")


@pytest.fixture(scope="session")
def phones() -> Iterator[str]:
    """The simulated platform, in a process of its own; its address, which the portal knows meanwhile."""
    from tests.sandbox.conftest import running_sandbox

    before = settings.SANDBOX_URL
    with running_sandbox() as settings.SANDBOX_URL:
        yield settings.SANDBOX_URL
    settings.SANDBOX_URL = before


@dataclass
class Cast:
    """What was made once and committed to a database of its own; `pickled` also holds its banks. `copy` is for
    `committed_db` to clone: to that one nobody is connected.
    """

    pickled: bytes
    name: str
    copy: str = ""
    raw: Any = None


@contextmanager
def made_once(name: str, blocker: Any, make: Callable[[], tuple[Any, list[Any]]]) -> Iterator[Cast]:
    """What `make` returns beside the banks that are in it."""
    plain = settings.DATABASES["default"]["NAME"]
    with cloned(f"{plain}_{name}", blocker) as database, blocker.unblock():
        cast = Cast(pickle.dumps(make()), database)
        connections.close_all()
        _use(plain, blocker)
        yield cast
        if cast.raw is not None:
            cast.raw.close()


@contextmanager
def on_stage(cast: Cast) -> Iterator[Any]:
    """As it was made; what happens inside is rolled back. Inside the fixture `db`."""
    if cast.raw is None or cast.raw.closed:
        parameters = connection.get_connection_params() | {"dbname": cast.name}
        cast.raw = connection.get_new_connection(parameters)
    given, connection.connection = connection.connection, cast.raw
    cast.raw.execute("BEGIN", prepare=False)
    yield _enter(cast)
    connection.connection = given
    if not cast.raw.closed:
        cast.raw.execute("ROLLBACK", prepare=False)


@pytest.fixture(scope="session")
def _cast(django_db_setup: None, django_db_blocker: Any) -> Iterator[Cast]:
    def make() -> tuple[Any, list[Any]]:
        world = make_world()
        return world, [world.bank, world.other]

    plain = settings.DATABASES["default"]["NAME"]
    with (
        made_once("world", django_db_blocker, make) as cast,
        cloned(f"{plain}_copy", django_db_blocker, template=cast.name) as cast.copy,
    ):
        _use(plain, django_db_blocker)
        yield cast


@pytest.fixture
def world(db: None, _cast: Cast) -> Iterator[SimpleNamespace]:
    """Two live banks, made by the real actions. `bank` has Ana (CUST-1) and Ben (CUST-2); `other` has Charlie,
    the stranger. What a test does to them is rolled back.
    """
    with on_stage(_cast) as world:
        yield world


@pytest.fixture
def committed_world(committed_db: str, _cast: Cast) -> SimpleNamespace:
    """The same, committed."""
    return _enter(_cast)


def _enter(cast: Cast) -> Any:
    """As it was made: nothing that Valkey or this process remembers of the last test's banks is left."""
    from portal.api import usage, valkey

    (made, banks), memory = pickle.loads(cast.pickled), valkey.client()
    usage._notebook.write()
    cache.clear()
    ids = {str(one.partner.id) for one in banks} | {str(one.sender.pk) for one in banks}
    ids |= {str(client.id) for one in banks for client in one.clients.values()}
    ids |= {one.replace("-", "") for one in ids}
    if old := [key for key in memory.keys("*") if any(one in key for one in ids)]:
        memory.delete(*old)
    return made


def make_world() -> SimpleNamespace:
    from portal.demo.world import make_bank, make_staff

    staff = make_staff("parley.example", PASSWORD)
    secrets = {"access_token": "token", "app_secret": "app-secret", "verify_token": "verify"}
    bank = make_bank(
        name="Norden Bank", slug="norden", staff=staff, password=PASSWORD, page="1001", secrets=secrets
    )
    other = make_bank(
        name="Harbour", slug="harbour", staff=staff, password=PASSWORD, page="1002", secrets=secrets
    )
    ana = _customer(bank, "CUST-1", "2001", "ana")
    ben = _customer(bank, "CUST-2", "2002", "ben")
    charlie = _customer(other, "CUST-1", "3001", "charlie")
    _forget_what_was_said()
    return SimpleNamespace(staff=staff, bank=bank, other=other, ana=ana, ben=ben, charlie=charlie)


def _forget_what_was_said() -> None:
    """A test that counts mails or messages counts its own."""
    from notifications.models import Reply
    from portal.mail.models import Mail
    from portal.tenancy.context import scope
    from portal.tenancy.principal import Principal

    with scope(Principal.system()), transaction.atomic():
        Reply.objects.all().delete()
        Mail.objects.all().delete()


def _customer(bank: object, reference: str, address: str, name: str) -> object:
    from consents.records import Account
    from portal.demo.world import make_customer, make_person

    person = make_person(f"{name}@people.example", name.title(), PASSWORD)
    accounts = [Account(f"acc-{name}", "•• 4821", "Current account")]
    clusters = ["BALANCES", "FRAUD_ALERTS", "RECEIPTS"]
    return make_customer(
        bank, customer_ref=reference, address=address, accounts=accounts, clusters=clusters, person=person
    )
