"""Refuses a configuration that is wrong anywhere, or unsafe in production, with a sentence that says what to set.

Django runs these before every management command; `portal/wsgi.py` and `portal/celery.py` run them, and what only
a start can judge, before they serve. A secret is never part of a sentence.
"""

import base64
import binascii
import ipaddress
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.db import Error, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from portal.environment import DEMO_MARK
from portal.tenancy.operations import ACTING_ROLES

TAG = "parley"
SECRET_KEY_CHARACTERS = 50
PEPPER_CHARACTERS = 32
KEY_BYTES = 32
KEY_NAME_CHARACTERS = 20
_RANDOM_KEY = "openssl rand -base64 32"
_ROLE = """
SELECT r.rolsuper OR r.rolbypassrls OR EXISTS (SELECT FROM pg_class WHERE relowner = r.oid AND relrowsecurity),
       r.rolinherit OR EXISTS (SELECT FROM pg_roles a WHERE a.rolname = ANY (%s) AND pg_has_role(r.oid, a.oid, 'USAGE'))
FROM pg_roles r WHERE r.rolname = session_user
"""


def refuse_unsafe_start(*, serves_pages: bool = False) -> None:
    """Ends the process, with a sentence for each error, unless the configuration is safe to serve with."""
    aliases = ["default"] if settings.IS_PRODUCTION else []
    found = checks.run_checks(tags=[TAG], databases=aliases)
    sentences = [message.msg for message in found if message.is_serious()]
    if settings.IS_PRODUCTION:
        sentences += _start_faults(serves_pages)
    if sentences:
        raise SystemExit("\n".join(["Parley does not start with this configuration:", *sentences]))


def _start_faults(serves_pages: bool) -> Iterator[str]:
    if settings.ACTS_AS_OWNER:
        yield "Unset PARLEY_DB_AS: as the tables' owner this process would see every bank's rows. Only migrations do."
    if serves_pages and not Path(str(settings.STATIC_ROOT), "staticfiles.json").exists():
        yield "The style sheets are not there yet: run `manage.py collectstatic --no-input`."


@checks.register(TAG)
def readable_environment(app_configs: object, **_: Any) -> list[checks.CheckMessage]:
    """Variables that hold what cannot be read, in any environment."""
    faults = list(settings.ENVIRONMENT.faults)
    if not re.fullmatch(r"v\d{1,3}\.\d", settings.MESSENGER_GRAPH_VERSION):
        faults.append("MESSENGER_GRAPH_VERSION must look like v26.0.")
    return [checks.Error(sentence, id="parley.E001") for sentence in faults]


@checks.register(TAG)
def safe_for_production(app_configs: object, **_: Any) -> list[checks.CheckMessage]:
    """All that production needs and the settings can tell."""
    if not settings.IS_PRODUCTION:
        return []
    parts = (_secrets, _keys, _addresses, _servers, _mail, _messenger)
    return [checks.Error(sentence, id="parley.E002") for part in parts for sentence in part()]


@checks.register(TAG, checks.Tags.database)
def confined_database_role(
    app_configs: object, databases: Sequence[str] | None = None, **_: Any
) -> list[checks.CheckMessage]:
    """The role that production signs in with must see nothing before it takes an acting role."""
    if not settings.IS_PRODUCTION or settings.ACTS_AS_OWNER or not settings.ENVIRONMENT.has("DATABASE_URL"):
        return []
    sentences = [one for alias in databases or [] for one in _role_faults(connections[alias])]
    return [checks.Error(sentence, id="parley.E003") for sentence in sentences]


def _role_faults(connection: BaseDatabaseWrapper) -> Iterator[str]:
    try:
        with connection.cursor() as cursor:
            cursor.execute(_ROLE, [list(ACTING_ROLES)])
            is_unbound, inherits = cursor.fetchone()
    except (Error, ImproperlyConfigured):
        yield "The database at DATABASE_URL does not let us in: start it, or correct the address, role or password."
        return
    finally:
        connection.close()  # the processes that serve open their own, one a thread
    if is_unbound:
        yield (
            "DATABASE_URL signs in as a role that row-level security does not bind (a superuser, one with BYPASSRLS, or"
            " the tables' owner): use parley_app, which deploy/roles.sql makes."
        )
    elif inherits:
        yield (
            "DATABASE_URL signs in as a role that inherits others' rights, so a forgotten filter would show every"
            " bank's rows: make it NOINHERIT, as deploy/roles.sql does, or use parley_app."
        )


def _secrets() -> Iterator[str]:
    if settings.DEBUG:
        yield "DEBUG must be off: it shows settings and data to whoever causes an error."
    secret = _secret_key()
    if len(secret) < SECRET_KEY_CHARACTERS:
        yield f"Set SECRET_KEY to at least {SECRET_KEY_CHARACTERS} random characters."
    if len(settings.PARLEY_PEPPER) < PEPPER_CHARACTERS:
        yield f"Set PARLEY_PEPPER to at least {PEPPER_CHARACTERS} random characters."
    for name, value in (("SECRET_KEY", secret), ("PARLEY_PEPPER", settings.PARLEY_PEPPER)):
        if value.startswith(DEMO_MARK):
            yield f"{name} is a demo's, and not secret: set it to a value of its own."
    if secret and secret == settings.PARLEY_PEPPER:
        yield "PARLEY_PEPPER must not be the same as SECRET_KEY: set each to a value of its own."


def _secret_key() -> str:
    try:
        return settings.SECRET_KEY
    except ImproperlyConfigured:  # Django's way to say that it is empty
        return ""


def _keys() -> Iterator[str]:
    """The key-encryption keys, the current one first, and the key of the blind indexes."""
    found: list[tuple[str, bytes | None]] = []
    parts = settings.PARLEY_KEK.split(",") if settings.PARLEY_KEK else []
    names = [part.strip().partition(":")[0] for part in parts]
    if not parts:
        yield f'Set PARLEY_KEK to "k1:KEY", where KEY comes from {_RANDOM_KEY}.'
    for place, part in enumerate(parts, start=1):
        name, colon, encoded = part.strip().partition(":")
        found.append((f"Key {place} of PARLEY_KEK", _key(encoded)))
        if not colon or not re.fullmatch(rf"[\w-]{{1,{KEY_NAME_CHARACTERS}}}", name) or found[-1][1] is None:
            yield f'Key {place} of PARLEY_KEK cannot be read: write "name:KEY", where KEY comes from {_RANDOM_KEY}.'
    if len(set(names)) < len(names):
        yield "Two keys of PARLEY_KEK have the same name: give each its own, and never use a name again."
    if not settings.PARLEY_INDEX_KEY:
        yield f"Set PARLEY_INDEX_KEY to what comes from {_RANDOM_KEY}."
    else:
        found.append(("PARLEY_INDEX_KEY", _key(settings.PARLEY_INDEX_KEY)))
        if found[-1][1] is None:
            yield f"PARLEY_INDEX_KEY cannot be read: set it to what comes from {_RANDOM_KEY}."
    yield from _reused([(name, key) for name, key in found if key is not None])


def _reused(keys: list[tuple[str, bytes]]) -> Iterator[str]:
    for place, (name, key) in enumerate(keys):
        if key.startswith(DEMO_MARK.encode()) or len(set(key)) < KEY_BYTES // 4:
            yield f"{name} is a demo's, or not random: make one with {_RANDOM_KEY}."
        if key in [other for _, other in keys[:place]]:
            yield f"{name} is used twice: every key of PARLEY_KEK and PARLEY_INDEX_KEY must be a different one."


def _key(encoded: str) -> bytes | None:
    """Its bytes, or None when it is not 32 bytes in base64."""
    try:
        key = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return None
    return key if len(key) == KEY_BYTES else None


def _addresses() -> Iterator[str]:
    url = urlsplit(settings.BASE_URL)
    host = url.hostname or ""
    has_more = bool(url.path or url.query or url.fragment or url.username)
    is_public = url.scheme == "https" and not has_more and not _is_here(url)
    if not is_public:
        yield "Set BASE_URL to the public address, with https and without a path: https://parley.example."
    if not settings.ALLOWED_HOSTS or "*" in settings.ALLOWED_HOSTS:
        yield "Set ALLOWED_HOSTS to the names that the portal answers to, without *."
    elif is_public and not any(host == name or _is_below(host, name) for name in settings.ALLOWED_HOSTS):
        yield "ALLOWED_HOSTS does not hold the host of BASE_URL: add it, or no page would open."
    if not settings.ENVIRONMENT.has("TRUSTED_PROXY_COUNT"):
        yield (
            "Set TRUSTED_PROXY_COUNT to the number of your own proxies before the web, 0 when the web itself ends TLS:"
            " too low and nobody gets in, too high and anybody can pretend to come from any address."
        )


def _is_below(host: str, name: str) -> bool:
    return name.startswith(".") and (host == name[1:] or host.endswith(name))


def _servers() -> Iterator[str]:
    if not settings.ENVIRONMENT.has("DATABASE_URL"):
        yield "Set DATABASE_URL to postgresql://parley_app:password@host:5432/parley?sslmode=verify-full."
    elif (
        _crosses_the_network(settings.DATABASE_URL)
        and "sslmode=" not in urlsplit(settings.DATABASE_URL).query
    ):
        yield "Add ?sslmode=verify-full to DATABASE_URL (or sslmode=disable, where the network is yours alone)."
    if settings.ENVIRONMENT.has("DATABASE_OWNER_URL"):
        owner, app = urlsplit(settings.DATABASE_OWNER_URL), urlsplit(settings.DATABASE_URL)
        if owner.username == app.username:
            yield "DATABASE_OWNER_URL and DATABASE_URL must sign in as different roles: parley_owner and parley_app."
    elif settings.ACTS_AS_OWNER:
        yield "Set DATABASE_OWNER_URL for the migrations: postgresql://parley_owner:password@host:5432/parley."
    if settings.DATABASE_ASSUME_ROLE:
        yield "Unset DATABASE_ASSUME_ROLE, which is for tests: sign in as parley_app in DATABASE_URL."
    if not settings.ENVIRONMENT.has("REDIS_URL"):
        yield (
            "Set REDIS_URL to the Redis or Valkey that keeps the queues and the limits:"
            " rediss://:password@host:6379/0?ssl_cert_reqs=required."
        )
    for name, url in (("REDIS_URL", settings.REDIS_URL), ("BROKER_URL", settings.BROKER_URL)):
        if url.startswith("rediss:") and "ssl_cert_reqs=required" not in url:
            yield f"Add ?ssl_cert_reqs=required to {name}: without it Celery accepts any certificate."


def _crosses_the_network(url: str) -> bool:
    parts = urlsplit(url)
    return bool(parts.hostname) and "host=/" not in parts.query and not _is_here(parts)


def _mail() -> Iterator[str]:
    if re.search(r"\.(console|dummy|filebased|locmem)\.EmailBackend$", settings.EMAIL_BACKEND):
        yield "Unset EMAIL_BACKEND: this one delivers nothing, so nobody could confirm an address."
    elif settings.EMAIL_BACKEND.endswith(".smtp.EmailBackend"):
        if not settings.ENVIRONMENT.has("EMAIL_HOST"):
            yield "Set EMAIL_HOST to the mail server: sign-up codes go through it."
        elif not settings.EMAIL_USE_TLS and not _is_here(urlsplit(f"//{settings.EMAIL_HOST}")):
            yield "Set EMAIL_USE_TLS=1: sign-up codes must not cross the network in clear."
    if not settings.ENVIRONMENT.has("DEFAULT_FROM_EMAIL"):
        yield "Set DEFAULT_FROM_EMAIL to the sender of our e-mail: Parley <no-reply@parley.example>."


def _messenger() -> Iterator[str]:
    url = urlsplit(settings.MESSENGER_GRAPH_URL)
    if url.scheme != "https":
        yield "MESSENGER_GRAPH_URL must begin with https://; leave it unset for Meta's own address."
    if _is_here(url) or url.netloc == urlsplit(settings.SANDBOX_URL).netloc:
        yield "MESSENGER_GRAPH_URL points at a sandbox, so no message would reach a person: leave it unset."


def _is_here(url: SplitResult) -> bool:
    """Whether a URL points at this machine, or nowhere."""
    host = url.hostname or "localhost"
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
