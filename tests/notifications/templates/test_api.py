"""Templates by API: created, versioned, submitted and previewed; what does not fit is said with its place."""

from types import SimpleNamespace
from typing import Any

from django.db import transaction

from notifications.actions.templates import approve_template
from notifications.models import Notification
from portal.tenancy.context import scope
from tests.notifications.conftest import Api

from .conftest import BODY, SYSTEM, trail

NEW = {"name": "balance_morning", "cluster": "BALANCES", "locale": "en", "body": BODY}


def error_of(answer: Any, status: int, code: str) -> Any:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.content
    return answer.json()


def test_wording_goes_from_draft_to_the_phone(api: Any, world: SimpleNamespace, version_of: Any) -> None:
    created = api.post("/templates", NEW)
    assert created.status_code == 201, created.content
    assert created.json()["versions"] == [
        {"number": 1, "locale": "en", "status": "DRAFT", "body": BODY, "reason": None}
    ]
    error_of(api.send("balance_morning"), 422, "template_not_approved")
    submitted = api.post("/templates/balance_morning/submit", {"locale": "en"})
    assert (submitted.status_code, submitted.json()["status"]) == (200, "SUBMITTED")
    approve_template(version_id=version_of("balance_morning").id, actor=world.staff.reviewer)
    assert api.send("balance_morning").status_code == 202
    assert api.get("/templates/balance_morning").json()["versions"][0]["status"] == "APPROVED"


def test_the_approved_version_keeps_sending_while_the_next_is_reviewed(
    api: Any, world: Any, version_of: Any
) -> None:
    before = version_of("balance_update")
    added = api.post("/templates/balance_update/versions", {"locale": "en", "body": BODY})
    assert (added.status_code, added.json()["number"], added.json()["status"]) == (201, 2, "DRAFT")
    assert api.post("/templates/balance_update/submit", {"locale": "en"}).json()["number"] == 2
    sent = api.send()
    assert sent.status_code == 202
    states = {one["number"]: one["status"] for one in api.get("/templates/balance_update").json()["versions"]}
    assert states == {1: "APPROVED", 2: "SUBMITTED"}
    assert before.status == "APPROVED"


def test_submitting_the_next_takes_back_what_still_waits(api: Any) -> None:
    for words in (BODY, f"{BODY} Thank you."):
        api.post("/templates/balance_update/versions", {"locale": "en", "body": words})
        assert api.post("/templates/balance_update/submit", {}).status_code == 200
    states = {one["number"]: one["status"] for one in api.get("/templates/balance_update").json()["versions"]}
    assert states == {1: "APPROVED", 2: "DRAFT", 3: "SUBMITTED"}
    assert len(trail("template.recalled")) == 1


def test_a_preview_fills_in_an_example_or_what_came(api: Any) -> None:
    shown = api.post("/templates/balance_update/preview", {"locale": "en"}).json()
    assert shown == {
        "number": 1,
        "locale": "en",
        "status": "APPROVED",
        "text": "Your account •• 4821 has $1,234.50 available (as of 23 Nov, 09:30 UTC).",
    }
    data = {"account": "x", "available": {"value": "7", "currency": "EUR"}, "as_of": "2026-01-02T03:04:05Z"}
    assert "€7.00" in api.post("/templates/balance_update/preview", {"data": data}).json()["text"]
    bad = error_of(
        api.post("/templates/balance_update/preview", {"data": {**data, "advert": "x"}}), 422, "invalid_data"
    )
    assert bad["errors"] == [
        {"pointer": "/data/advert", "code": "unknown_field", "detail": "There is no such field."}
    ]
    error_of(api.post("/templates/balance_update/preview", {"locale": "fr"}), 409, "conflict")


def test_every_language_formats_in_its_own_way(api: Any) -> None:
    body = "Saldo de {{ account }}: {{ available }}, {{ as_of }}, obrigado."
    added = api.post("/templates/balance_update/versions", {"locale": "pt-br", "body": body})
    assert added.json()["locale"] == "pt-BR"
    text = api.post("/templates/balance_update/preview", {"locale": "pt_BR"}).json()["text"]
    assert text.replace("\xa0", " ") == "Saldo de •• 4821: US$ 1.234,50, 23 nov., 09:30 UTC, obrigado."
    error_of(api.post("/templates/balance_update/versions", {"locale": "xq", "body": BODY}), 409, "conflict")


def test_what_is_wrong_with_the_wording_is_said_with_its_place(api: Any) -> None:
    body = "You have {{ advert }} and {{available} now, see https://norden.example/x for more of it."
    bad = error_of(api.post("/templates", {**NEW, "body": body}), 422, "invalid_wording")
    found = {error["code"]: error["detail"] for error in bad["errors"]}
    assert {error["pointer"] for error in bad["errors"]} == {"/body"}
    assert found["unknown_placeholder"] == (
        "BALANCES has no field called advert. It has account, available, current, as_of. (At character 10.)"
    )
    assert "(At character 27.)" in found["bad_placeholder"]
    assert "(At character 49.)" in found["link"]
    card = api.post("/templates", {**NEW, "body": "Card 4111 1111 1111 1111 has {{ available }} left."})
    assert error_of(card, 422, "invalid_wording")["errors"][0]["code"] == "full_account_number"
    assert api.get("/templates/balance_morning").status_code == 404


def test_what_does_not_fit_changes_nothing(api: Any) -> None:
    before = api.get("/templates").json()
    error_of(api.post("/templates", {**NEW, "name": "balance_update"}), 409, "conflict")
    error_of(api.post("/templates", {**NEW, "cluster": "CHAT"}), 400, "invalid_request")
    error_of(api.post("/templates", {**NEW, "name": "no spaces"}), 400, "invalid_request")
    error_of(api.post("/templates", {**NEW, "body": "x" * 641}), 400, "invalid_request")
    error_of(api.post("/templates", {**NEW, "body": "bell \x07 now"}), 422, "invalid_wording")
    error_of(api.post("/templates/balance_update/submit", {}), 409, "conflict")
    error_of(api.post("/templates/balance_update/submit", {"number": 9}), 409, "conflict")
    error_of(api.post("/templates/balance_update/submit", {"number": True}), 400, "invalid_request")
    error_of(api.post("/templates/nothing/versions", {"body": BODY}), 404, "not_found")
    assert api.get("/templates").json() == before


def test_a_stranger_gets_404_and_takes_no_name_away(api: Any, world: Any, api_of: Any) -> None:
    stranger = api_of(world.other.clients["live"])
    assert api.post("/templates", NEW).status_code == 201
    for path in ("versions", "submit", "preview"):
        body = {"body": BODY} if path == "versions" else {}
        error_of(stranger.post(f"/templates/balance_morning/{path}", body), 404, "not_found")
    assert stranger.get("/templates/balance_morning").status_code == 404
    assert stranger.post("/templates", NEW).status_code == 201


def test_the_same_key_drafts_once(api: Any) -> None:
    key = {"Idempotency-Key": "morning"}
    first, second = api.post("/templates", NEW, **key), api.post("/templates", NEW, **key)
    assert first.json() == second.json()
    assert second.headers["Idempotent-Replayed"] == "true"


def test_sandbox_and_live_share_the_wording_and_a_sandbox_draft_changes_nothing_sent(
    api: Any, world: SimpleNamespace
) -> None:
    sandbox = Api(world.bank.clients["sandbox"])
    assert sandbox.get("/templates").json() == api.get("/templates").json()
    assert (
        sandbox.post("/templates/balance_update/versions", {"locale": "en", "body": BODY}).status_code == 201
    )
    assert sandbox.post("/templates/balance_update/submit", {"locale": "en"}).status_code == 200
    assert api.send().status_code == 202
    with scope(SYSTEM), transaction.atomic():
        assert Notification.objects.get().template_version.number == 1
    assert sandbox.get("/notifications").json()["data"] == []
