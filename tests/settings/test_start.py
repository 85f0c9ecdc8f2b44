"""The processes themselves: what they refuse to start with, and that nothing is wrong with a good start."""

import re
import uuid

import psycopg
import pytest
from django.conf import settings

from tests.settings.production import run

MANAGE = ("manage.py", "check", "--deploy", "--fail-level", "WARNING", "--database", "default")
WEB = ("-c", "import portal.wsgi")
WORKER = ("-m", "celery", "-A", "portal.celery", "worker", "-Q", "none")
BEAT = ("-m", "celery", "-A", "portal.celery", "beat", "--pidfile=", "-s", "/nowhere")


def as_role(role: str) -> str:
    return re.sub(r"//[^@/]*@", f"//{role}@", settings.DATABASE_URL)


@pytest.fixture
def inheriting_role():
    """A role that was granted parley_app without NOINHERIT."""
    name = f"parley_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(settings.DATABASE_OWNER_URL, autocommit=True) as owner:
        owner.execute(f"CREATE ROLE {name} LOGIN INHERIT")
        owner.execute(f"GRANT parley_app TO {name}")
        yield name
        owner.execute(f"DROP ROLE {name}")


def test_djangos_deployment_checks_have_nothing_to_add():
    done = run(*MANAGE)

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("program", [WEB, WORKER, BEAT], ids=["web", "worker", "beat"])
def test_no_process_starts_with_a_bad_configuration(program):
    done = run(*program, SECRET_KEY=None, EMAIL_PORT="smtp")

    assert done.returncode == 1
    assert "Parley does not start with this configuration:" in done.stderr
    assert "Set SECRET_KEY to at least 50 random characters." in done.stderr
    assert "EMAIL_PORT is “smtp”" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_process_that_serves_does_not_act_as_the_owner():
    done = run(*WORKER, PARLEY_DB_AS="owner", DATABASE_OWNER_URL=settings.DATABASE_OWNER_URL)

    assert done.returncode == 1
    assert "Unset PARLEY_DB_AS" in done.stderr


def test_the_web_starts_once_the_style_sheets_are_collected(tmp_path):
    before = run(*WEB, STATIC_ROOT=str(tmp_path / "static"))
    collected = run("manage.py", "collectstatic", "--no-input", STATIC_ROOT=str(tmp_path / "static"))
    after = run(*WEB, STATIC_ROOT=str(tmp_path / "static"))

    assert before.returncode == 1
    assert "manage.py collectstatic" in before.stderr
    assert collected.returncode == 0, collected.stderr
    assert after.returncode == 0, after.stderr


def test_a_superuser_is_refused():
    assert "row-level security does not bind" in run(*MANAGE, DATABASE_URL=as_role("postgres")).stderr


def test_a_role_that_inherits_is_refused(inheriting_role):
    assert "inherits others' rights" in run(*MANAGE, DATABASE_URL=as_role(inheriting_role)).stderr


def test_a_database_that_does_not_answer_is_told():
    done = run(*WORKER, DATABASE_URL="postgresql://parley_app:hunter2@127.0.0.1:1/parley")

    assert "The database at DATABASE_URL does not let us in" in done.stderr
    assert "hunter2" not in done.stderr + done.stdout
