"""Two at one form: the second is told, and saves nothing unless they say so again. A form outlives its session."""

import html
import re
from typing import Any

import pytest
from django.test import Client

from partners.models import ApiClient, Sender
from portal.accounts import kept
from portal.ids import public_id
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal
from tests.isolation.matrix import ROWS, WORDS, Door
from tests.partners.clients.kit import signed_in

pytestmark = pytest.mark.django_db
_FORMS = [row.route for row in ROWS if row.door in (Door.MEMBER, Door.STAFF) and "POST" in row.methods]


def typed_in(page: str) -> dict[str, Any]:
    """What a browser would send of the form as it stands."""
    inputs = re.findall(r"<input[^>]*>", page)
    fields: dict[str, Any] = {}
    for one in inputs:
        attributes = dict(re.findall(r'(\w+)="([^"]*)"', one))
        if attributes.get("type") in ("checkbox", "radio") and " checked" not in one:
            continue
        if name := attributes.get("name"):
            fields.setdefault(name, []).append(html.unescape(attributes.get("value", "")))
    return fields


@pytest.mark.parametrize(
    ("model", "prefix", "place"), [(ApiClient, "cli", "clients"), (Sender, "snd", "senders")]
)
def test_what_somebody_has_changed_meanwhile_is_not_overwritten(
    world: Any, model: Any, prefix: str, place: str
) -> None:
    first, second = (signed_in(world.bank.members[0].user) for _ in range(2))
    thing = world.bank.sender if model is Sender else world.bank.clients["live"]
    path = f"/partners/norden/{place}/{public_id(prefix, thing.id)}/edit"
    mine, theirs = (typed_in(http.get(path).content.decode()) for http in (first, second))
    assert second.post(path, {**theirs, "name": "Theirs"}).status_code == 302
    refused = first.post(path, {**mine, "name": "Mine"})
    page = refused.content.decode()
    assert refused.status_code == 422
    assert "since you opened it" in page
    assert 'value="Mine"' in page
    with scope(Principal.system()):
        assert model.objects.get(pk=thing.id).name == "Theirs"
    assert first.post(path, {**typed_in(page), "name": "Mine"}).status_code == 302
    with scope(Principal.system()):
        assert model.objects.get(pk=thing.id).name == "Mine"


@pytest.mark.parametrize("route", _FORMS)
def test_every_form_of_members_and_staff_is_kept_when_the_session_has_ended(route: str) -> None:
    path = "/" + re.sub(r"<\w+:(\w+)>", lambda name: WORDS.get(name[1], "x"), route)
    http = Client()
    assert http.post(path, {"note": "typed", "app_secret": "s"}).status_code == 302
    kept_path, _, sealed = http.session[kept._SESSION]
    assert kept_path == path
    assert kept.open_text(sealed, kept._PLACE) == '[["note", "typed"]]'
