"""Each wrong setting has its sentence; a right configuration has none."""

import os
import re
import runpy
from pathlib import Path
from unittest import mock

import pytest
from django.core.checks import run_checks
from django.test import override_settings

from portal import checks
from portal.demo.environment import _fresh_secrets
from tests.settings.production import ROOT, good_environment, key

READ = set(re.findall(r"settings\.([A-Z_]+)", Path(checks.__file__).read_text()))
DEMO = _fresh_secrets()


def sentences(**changes: str | None) -> list[str]:
    """What the checks say about the settings that a changed good environment makes."""
    with mock.patch.dict(os.environ, good_environment(**changes), clear=True):
        made = runpy.run_path(str(ROOT / "portal" / "settings.py"))
        with override_settings(**{name: made[name] for name in READ}):
            return [message.msg for message in run_checks(tags=[checks.TAG])]


def test_a_good_configuration_has_no_sentence():
    assert sentences() == []


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"SECRET_KEY": None}, "Set SECRET_KEY to at least 50"),
        ({"SECRET_KEY": "x" * 49}, "Set SECRET_KEY to at least 50"),
        ({"SECRET_KEY": DEMO["SECRET_KEY"]}, "SECRET_KEY is a demo's"),
        ({"PARLEY_PEPPER": None}, "Set PARLEY_PEPPER to at least 32"),
        ({"PARLEY_PEPPER": "x" * 31}, "Set PARLEY_PEPPER to at least 32"),
        ({"PARLEY_PEPPER": DEMO["PARLEY_PEPPER"]}, "PARLEY_PEPPER is a demo's"),
        ({"SECRET_KEY": "same" * 20, "PARLEY_PEPPER": "same" * 20}, "must not be the same as SECRET_KEY"),
        ({"PARLEY_KEK": None}, "Set PARLEY_KEK"),
        ({"PARLEY_KEK": key(1)}, "Key 1 of PARLEY_KEK cannot be read"),
        ({"PARLEY_KEK": f":{key(1)}"}, "Key 1 of PARLEY_KEK cannot be read"),
        ({"PARLEY_KEK": f"{'k' * 21}:{key(1)}"}, "Key 1 of PARLEY_KEK cannot be read"),
        ({"PARLEY_KEK": f"k2:{key(2)},k1:c2hvcnQ="}, "Key 2 of PARLEY_KEK cannot be read"),
        ({"PARLEY_KEK": f"k2:{key(2)},k1:{key(1)}%"}, "Key 2 of PARLEY_KEK cannot be read"),
        ({"PARLEY_KEK": f"k2:{key(2)},"}, "Key 2 of PARLEY_KEK cannot be read"),
        ({"PARLEY_KEK": f"k1:{key(2)},k1:{key(1)}"}, "have the same name"),
        ({"PARLEY_KEK": f"k2:{key(1)},k1:{key(1)}"}, "Key 2 of PARLEY_KEK is used twice"),
        ({"PARLEY_KEK": DEMO["PARLEY_KEK"]}, "Key 1 of PARLEY_KEK is a demo's"),
        ({"PARLEY_INDEX_KEY": None}, "Set PARLEY_INDEX_KEY"),
        ({"PARLEY_INDEX_KEY": "c2hvcnQ="}, "PARLEY_INDEX_KEY cannot be read"),
        ({"PARLEY_INDEX_KEY": key(1)}, "PARLEY_INDEX_KEY is used twice"),
        ({"PARLEY_INDEX_KEY": DEMO["PARLEY_INDEX_KEY"]}, "PARLEY_INDEX_KEY is a demo's"),
        ({"PARLEY_INDEX_KEY": "A" * 43 + "="}, "PARLEY_INDEX_KEY is a demo's, or not random"),
        ({"BASE_URL": None}, "Set BASE_URL"),
        ({"BASE_URL": "http://parley.example"}, "Set BASE_URL"),
        ({"BASE_URL": "parley.example"}, "Set BASE_URL"),
        ({"BASE_URL": "https://parley.example/portal"}, "Set BASE_URL"),
        ({"BASE_URL": "https://localhost", "ALLOWED_HOSTS": "localhost"}, "Set BASE_URL"),
        ({"ALLOWED_HOSTS": None}, "Set ALLOWED_HOSTS"),
        ({"ALLOWED_HOSTS": "parley.example,*"}, "Set ALLOWED_HOSTS"),
        ({"ALLOWED_HOSTS": "www.parley.example"}, "ALLOWED_HOSTS does not hold the host of BASE_URL"),
        ({"TRUSTED_PROXY_COUNT": None}, "Set TRUSTED_PROXY_COUNT"),
        ({"DATABASE_URL": None}, "Set DATABASE_URL"),
        ({"DATABASE_OWNER_URL": "postgresql://parley_app@db/parley"}, "must sign in as different roles"),
        ({"PARLEY_DB_AS": "owner"}, "Set DATABASE_OWNER_URL for the migrations"),
        ({"DATABASE_ASSUME_ROLE": "parley_app"}, "Unset DATABASE_ASSUME_ROLE"),
        ({"DATABASE_URL": "postgresql://parley_app@db/parley"}, "Add ?sslmode=verify-full to DATABASE_URL"),
        ({"REDIS_URL": None}, "Set REDIS_URL"),
        ({"BROKER_URL": "rediss://valkey/0"}, "Add ?ssl_cert_reqs=required to BROKER_URL"),
        ({"EMAIL_HOST": None}, "Set EMAIL_HOST"),
        ({"EMAIL_USE_TLS": None}, "Set EMAIL_USE_TLS=1"),
        ({"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}, "Unset EMAIL_BACKEND"),
        ({"DEFAULT_FROM_EMAIL": None}, "Set DEFAULT_FROM_EMAIL"),
        ({"MESSENGER_GRAPH_URL": "http://graph.example"}, "MESSENGER_GRAPH_URL must begin with https"),
        ({"MESSENGER_GRAPH_URL": "https://127.0.0.1:8001"}, "MESSENGER_GRAPH_URL points at a sandbox"),
        (
            {"MESSENGER_GRAPH_URL": "https://sandbox.example", "SANDBOX_URL": "https://sandbox.example"},
            "MESSENGER_GRAPH_URL points at a sandbox",
        ),
    ],
)
def test_a_bad_configuration_is_told_what_to_set(changes, sentence):
    found = sentences(**changes)

    assert any(sentence in one for one in found), found
    assert len(found) == 1, found


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"PARLEY_ENV": "prod"}, "PARLEY_ENV is “prod”: set it to production or development or test."),
        ({"EMAIL_PORT": "smtp"}, "EMAIL_PORT is “smtp”: set it to a whole number from 1 to 65535."),
        ({"EMAIL_PORT": "0"}, "EMAIL_PORT is “0”"),
        ({"EMAIL_PORT": "٣"}, "EMAIL_PORT is “٣”"),
        ({"TRUSTED_PROXY_COUNT": "-1"}, "TRUSTED_PROXY_COUNT is “-1”"),
        ({"DELIVERY_LEASE_SECONDS": "1.5"}, "DELIVERY_LEASE_SECONDS is “1.5”"),
        ({"EMAIL_USE_TLS": "yes"}, "EMAIL_USE_TLS is “yes”: set it to 0 or 1."),
        ({"LOG_FORMAT": "xml"}, "LOG_FORMAT is “xml”"),
        ({"PARLEY_DB_AS": "Owner"}, "PARLEY_DB_AS is “Owner”"),
        ({"MESSENGER_GRAPH_VERSION": "26"}, "MESSENGER_GRAPH_VERSION must look like v26.0."),
        ({"DATABASE_URL": "mysql://parley_app@db/parley"}, "DATABASE_URL cannot be read"),
        ({"DATABASE_URL": "postgresql://parley_app@db"}, "DATABASE_URL cannot be read"),
        ({"DATABASE_URL": "postgresql://parley_app@db:port/parley"}, "DATABASE_URL cannot be read"),
    ],
)
@pytest.mark.parametrize("environment", ["production", "development"])
def test_an_unreadable_value_is_told_anywhere(environment, changes, sentence):
    assert any(sentence in one for one in sentences(**{"PARLEY_ENV": environment, **changes}))


def test_debug_is_refused():
    with override_settings(DEBUG=True, IS_PRODUCTION=True):
        assert any("DEBUG must be off" in message.msg for message in run_checks(tags=[checks.TAG]))


def test_outside_production_nothing_has_to_be_set():
    assert sentences(**dict.fromkeys(good_environment(), None)) == []


def test_what_else_is_good():
    assert sentences(ALLOWED_HOSTS=".example", EMAIL_HOST="localhost", EMAIL_USE_TLS="0") == []
    assert sentences(DATABASE_URL="postgresql://parley_app@/parley?host=/run/postgresql") == []
    assert sentences(DATABASE_URL="postgresql://parley_app@db/parley?sslmode=disable") == []
    assert sentences(REDIS_URL="rediss://valkey/0?ssl_cert_reqs=required") == []


def test_no_secret_is_ever_shown():
    secret = "hunter2"
    names = ("SECRET_KEY", "PARLEY_KEK", "PARLEY_INDEX_KEY", "PARLEY_PEPPER", "DATABASE_URL", "REDIS_URL")
    found = sentences(**dict.fromkeys(names, secret), EMAIL_HOST_PASSWORD=secret, DATABASE_OWNER_URL=secret)

    assert len(found) >= 5
    assert secret not in "\n".join(found)


def test_cookies_of_production_belong_to_one_host_and_travel_encrypted():
    with mock.patch.dict(os.environ, good_environment(), clear=True):
        made = runpy.run_path(str(ROOT / "portal" / "settings.py"))

    for kind in ("SESSION", "CSRF"):
        assert made[f"{kind}_COOKIE_NAME"].startswith("__Host-")
        assert made[f"{kind}_COOKIE_SECURE"]
        assert made[f"{kind}_COOKIE_HTTPONLY"]
    assert made["SECURE_PROXY_SSL_HEADER"] == ("HTTP_X_FORWARDED_PROTO", "https")
    assert made["ALLAUTH_TRUSTED_PROXY_COUNT"] == 1
