"""The bank's people and staff in front of templates, by HTTP."""

import html
import json
import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client

from notifications.models import TemplateVersion
from partners.access import member_principal
from portal.ids import public_id
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal
from tests.notifications.conftest import Api

SYSTEM = Principal.system()
LIST = "/partners/norden/templates"
BODY = "Good morning. You have {{ available }} on {{ account }} now."


def browser(user: Any) -> Client:
    """Signed in, past the second step."""
    http = Client()
    http.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return http


@pytest.fixture
def owner(world: SimpleNamespace) -> Client:
    """Norden's owner."""
    return browser(world.bank.members[0].user)


@pytest.fixture
def staff(world: SimpleNamespace) -> Client:
    """The reviewer."""
    return browser(world.staff.first.user)


@pytest.fixture
def api(world: SimpleNamespace) -> Api:
    """Norden's live client."""
    return Api(world.bank.clients["live"])


@pytest.fixture
def actor(world: SimpleNamespace) -> Principal:
    """Norden's owner, for actions."""
    with transaction.atomic():
        return member_principal(world.bank.members[0].user, "norden")[0]


@pytest.fixture
def version_of() -> Callable[..., TemplateVersion]:
    """The newest version of a template of Norden's, as it is now."""

    def find(name: str, locale: str = "en") -> TemplateVersion:
        with scope(SYSTEM), transaction.atomic():
            rows = TemplateVersion.objects.select_related("template", "partner")
            found = rows.filter(template__name=name, partner__slug="norden", locale=locale)
            return found.order_by("-number")[0]

    return find


def page_of(version: TemplateVersion, more: str = "") -> str:
    """A version's page."""
    return f"{LIST}/versions/{public_id('tpv', version.id)}{more}"


def review_of(version: TemplateVersion) -> str:
    """Where staff decide on it."""
    return f"/staff/templates/{public_id('tpv', version.id)}"


def text_of(response: Any) -> str:
    """What a person reads, in one line."""
    words = re.sub(r"<(script|style).*?</\1>|<[^>]*>", " ", response.content.decode(), flags=re.DOTALL)
    return " ".join(html.unescape(words).split())


def ask(sql: str, *values: Any) -> list[Any]:
    """As the system."""
    with scope(SYSTEM), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall() if cursor.description else []


def trail(code: str) -> list[Any]:
    """What the trail holds of that code: (who acted, data)."""
    rows = ask("SELECT actor_kind, data FROM audit_auditevent WHERE code = %s ORDER BY id", code)
    return [(kind, json.loads(data) if isinstance(data, str) else data) for kind, data in rows]
