"""The members' pages and the staff's: written, submitted, reviewed; nothing typed is lost, nothing stale decided."""

import re
from types import SimpleNamespace
from typing import Any

import pytest
from django.core import mail
from django.db import DatabaseError, connection, transaction
from django.test import Client

from notifications import template_reading
from notifications.actions.templates import (
    add_version,
    approve_template,
    draft_template,
    edit_draft,
    submit_template,
    withdraw_template,
)
from notifications.models import TemplateVersion
from partners.refusals import Refused
from portal.mail.outbox import send_due_mail
from portal.tenancy.context import scope
from portal.tenancy.principal import Kind, Principal

from .conftest import BODY, LIST, SYSTEM, ask, browser, page_of, review_of, text_of

FORM = {"name": "balance_morning", "cluster": "BALANCES", "locale": "en", "body": BODY}


@pytest.fixture
def submitted(actor: Any, version_of: Any) -> TemplateVersion:
    """The next version of what is sent, waiting for staff."""
    version = add_version(
        template_id=version_of("balance_update").template_id, locale="en", body=BODY, actor=actor
    )
    return submit_template(version_id=version.id, actor=actor)


def test_a_template_is_written_submitted_reviewed_and_its_author_told(
    owner: Client, staff: Client, version_of: Any
) -> None:
    assert "balance_update" in text_of(owner.get(LIST))
    saved = owner.post(f"{LIST}/add", FORM, follow=True)
    assert "Saved as a draft." in text_of(saved)
    version = version_of("balance_morning")
    seen = {"seen": version.digest}
    sent = owner.post(page_of(version, "/submit"), seen, follow=True)
    assert "Until then nothing is sent in this language." in text_of(sent)
    assert "balance_morning, version 1 Norden Bank Balances English" in text_of(staff.get("/staff/templates"))
    page = staff.get(review_of(version))
    assert "Good morning. You have $1,234.50 on •• 4821 now." in text_of(page)
    decision = {"decision": "approve", "seen": version_of("balance_morning").digest}
    assert "Nothing waits" in text_of(staff.post(review_of(version), decision, follow=True))
    assert "This is what is sent now." in text_of(owner.get(page_of(version)))
    send_due_mail()
    [told] = [one for one in mail.outbox if "balance_morning" in one.subject]
    assert told.to == ["owner@norden.example"]
    assert page_of(version) in told.body


def test_a_rejection_needs_its_reason_and_the_approved_version_goes_on(
    owner: Client, staff: Client, submitted: TemplateVersion, version_of: Any
) -> None:
    decision = {"decision": "reject", "reason": " ", "seen": submitted.digest}
    refused = staff.post(review_of(submitted), decision)
    assert refused.status_code == 422
    assert "Say why, so that the bank can change it." in text_of(refused)
    staff.post(review_of(submitted), {**decision, "reason": "Name the account first."})
    page = text_of(owner.get(page_of(submitted)))
    assert "It was not approved. Name the account first." in page
    assert "Version 1 goes on being sent." in page
    again = owner.get(f"{LIST}/tpl_{submitted.template_id.hex}/new?locale=en")
    assert "Begins with version 2 (en), which was rejected: “Name the account first.”" in text_of(again)
    send_due_mail()
    assert "Name the account first." in mail.outbox[-1].body


def test_the_bank_hears_of_decisions_by_webhook(
    owner: Client, staff: Client, submitted: TemplateVersion
) -> None:
    owner.post("/partners/norden/webhooks/inbox", {"environment": "live"})
    staff.post(review_of(submitted), {"decision": "approve", "seen": submitted.digest})
    types = ask("SELECT type FROM partners_webhookmessage WHERE type LIKE 'template.%%'")
    assert types == [("template.approved",)]


def test_a_page_that_shows_other_words_decides_nothing(
    staff: Client, submitted: TemplateVersion, actor: Any, version_of: Any
) -> None:
    withdraw_template(version_id=submitted.id, actor=actor)
    edit_draft(version_id=submitted.id, body="Other words about {{ account }} now.", actor=actor)
    submit_template(version_id=submitted.id, actor=actor)
    stale = staff.post(review_of(submitted), {"decision": "approve", "seen": submitted.digest})
    assert stale.status_code == 422
    assert "This has changed since you opened the page." in text_of(stale)
    assert version_of("balance_update").status == "SUBMITTED"
    fresh = version_of("balance_update").digest
    assert f'name="seen" value="{fresh}"' in stale.content.decode()
    staff.post(review_of(submitted), {"decision": "approve", "seen": fresh})
    assert version_of("balance_update").status == "APPROVED"


def test_two_people_decide_at_once_and_the_second_is_told(
    staff: Client, world: SimpleNamespace, submitted: TemplateVersion
) -> None:
    approve_template(version_id=submitted.id, actor=world.staff.second_reviewer)
    late = staff.post(review_of(submitted), {"decision": "reject", "reason": "No.", "seen": submitted.digest})
    assert late.status_code == 422
    assert "This version is APPROVED; it would have to be SUBMITTED." in text_of(late)


def test_a_draft_that_a_colleague_changed_meanwhile_is_not_overwritten(
    owner: Client, actor: Any, version_of: Any
) -> None:
    version = draft_template(name="news", cluster="BALANCES", locale="en", body=BODY, actor=actor)
    edit_draft(version_id=version.id, body=f"{BODY} Thank you.", actor=actor)
    mine = {"body": "What I typed about {{ account }} meanwhile.", "seen": version.digest}
    stale = owner.post(page_of(version, "/edit"), mine)
    assert stale.status_code == 422
    assert "This has changed since you opened the page." in text_of(stale)
    assert "What I typed about {{ account }} meanwhile." in text_of(stale)
    assert version_of("news").body == f"{BODY} Thank you."


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"body": "You have {{ advert }} now."}, "BALANCES has no field called advert."),
        ({"body": "Buy now and get {{ available }} more."}, "Wording may not advertise: “buy now”."),
        ({"body": "See www.norden.example for {{ available }} now."}, "Links are not written into the wording."),
        ({"body": ""}, "Fill in “Wording”"),
        ({"name": "two words"}, "Use letters, digits, hyphens and underscores only."),
        ({"name": "balance_update"}, "You have a template called “balance_update” already."),
        ({"cluster": ""}, "Fill in “Kind of data”"),
    ],
)  # fmt: skip
def test_what_was_typed_is_kept_when_it_does_not_fit(owner: Client, wrong: dict[str, str], says: str) -> None:
    before = ask("SELECT count(*) FROM notifications_templateversion")
    answer = owner.post(f"{LIST}/add", {**FORM, **wrong})
    assert answer.status_code == 422
    assert says in text_of(answer)
    assert {**FORM, **wrong}["body"] in text_of(answer)
    assert ask("SELECT count(*) FROM notifications_templateversion") == before


def test_a_preview_saves_nothing_and_blames_nothing(owner: Client) -> None:
    before = ask("SELECT count(*) FROM notifications_templateversion")
    seen = owner.post(f"{LIST}/add", {**FORM, "name": "", "do": "preview"})
    assert seen.status_code == 200
    assert "Good morning. You have $1,234.50 on •• 4821 now. Why this message?" in text_of(seen)
    spanish = owner.post(f"{LIST}/preview", {**FORM, "locale": "es-MX"})
    assert "¿Por qué lo recibí?" in text_of(spanish)
    assert "There is a problem" not in text_of(seen)
    part = owner.post(f"{LIST}/preview", {**FORM, "body": "Half {{ advert"})
    assert "Not ready yet" in text_of(part)
    assert "{{ as_of }}" in text_of(part)
    assert ask("SELECT count(*) FROM notifications_templateversion") == before


def test_retiring_says_what_it_does_first(owner: Client, api: Any, version_of: Any) -> None:
    version = version_of("balance_update")
    assert api.send().status_code == 202
    page = text_of(owner.get(page_of(version, "/retire")))
    assert "In the last 30 days 1 message went through it." in page
    assert "1 message that was accepted before still goes out." in page
    assert "the API refuses notifications that name this template" in page
    assert "Nothing new is sent with it." in text_of(owner.post(page_of(version, "/retire"), follow=True))
    assert api.send().json()["code"] == "template_not_approved"


def test_what_changes_is_shown_word_by_word(owner: Client, staff: Client, submitted: TemplateVersion) -> None:
    for page in (owner.get(page_of(submitted)), staff.get(review_of(submitted))):
        shown = page.content.decode()
        assert "Against version 1, which is sent now." in text_of(page)
        assert "<ins>" in shown
        assert "<del>" in shown


def test_another_language_begins_with_the_english_words(owner: Client, version_of: Any) -> None:
    version = version_of("balance_update")
    page = owner.get(f"{LIST}/tpl_{version.template_id.hex}/new?locale=es")
    assert version.body in text_of(page)
    body = "Tu cuenta {{ account }} tiene {{ available }} ahora."
    owner.post(f"{LIST}/tpl_{version.template_id.hex}/new", {"locale": "es", "body": body})
    shown = text_of(owner.get(f"{LIST}/tpl_{version.template_id.hex}"))
    assert "Tu cuenta •• 4821 tiene 1.234,50 US$ ahora." in shown
    assert "Nothing is sent in this language." in shown


def test_submitted_words_are_frozen_even_for_the_database(
    owner: Client, submitted: TemplateVersion, version_of: Any
) -> None:
    answer = owner.post(
        page_of(submitted, "/edit"), {"body": "Other words about {{ account }} now.", "seen": ""}
    )
    assert "This version is SUBMITTED; it would have to be DRAFT." in text_of(answer)
    with pytest.raises(DatabaseError, match="fixed once it was submitted"), transaction.atomic():
        ask("UPDATE notifications_templateversion SET body = 'Buy now' WHERE id = %s", submitted.id)
    assert version_of("balance_update").body == BODY


def test_the_author_cannot_approve_and_only_staff_can(
    world: SimpleNamespace, submitted: TemplateVersion, actor: Any
) -> None:
    with pytest.raises(Refused, match="Whoever wrote"):
        approve_template(version_id=submitted.id, actor=Principal(Kind.STAFF, id=actor.id))
    with pytest.raises(Refused, match="Only platform staff"):
        approve_template(version_id=submitted.id, actor=actor)


def test_an_analyst_gets_403_and_a_stranger_404(world: SimpleNamespace, version_of: Any) -> None:
    version = version_of("balance_update")
    analyst, stranger = browser(world.bank.members[1].user), browser(world.other.members[0].user)
    for path in (LIST, f"{LIST}/add", page_of(version), page_of(version, "/retire")):
        assert analyst.get(path).status_code == 403
        assert stranger.get(path).status_code == 404
    assert stranger.get(page_of(version).replace("norden", "harbour")).status_code == 404
    assert analyst.get("/staff/templates").status_code == 404


def test_a_list_costs_the_same_however_long(
    owner: Client, actor: Any, django_assert_max_num_queries: Any
) -> None:
    for number in range(20):
        draft_template(
            name=f"more_{number}",
            cluster="RECEIPTS",
            locale="en",
            body="Paid at {{ merchant }} now.",
            actor=actor,
        )
    owner.get(LIST)
    with django_assert_max_num_queries(24):
        assert "more_19" in text_of(owner.get(LIST))


def test_an_empty_list_says_why_and_offers_a_start(owner: Client) -> None:
    with scope(SYSTEM), transaction.atomic():
        ask("DELETE FROM notifications_templateversion")
        ask("DELETE FROM notifications_template")
    page = text_of(owner.get(LIST))
    assert "No templates yet" in page
    assert "Examples to start from" in page
    started = owner.get(f"{LIST}/add?starter=fraud_alert")
    assert "Was this you? $980.00 at Night Electronics" in text_of(started)


def test_the_count_of_a_busy_bank_looks_at_its_newest_messages_only(
    owner: Client, api: Any, version_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(template_reading, "MOST", 2)
    for _ in range(3):
        assert api.send().status_code == 202
    page = text_of(owner.get(page_of(version_of("balance_update"), "/retire")))
    assert "Of your newest 2 messages 2 went through it." in page
    assert "At least 2 messages that were accepted before still go out." in page


def test_the_count_reads_the_banks_own_part_of_an_index(
    world: Any, version_of: Any, django_assert_num_queries: Any
) -> None:
    version = version_of("balance_update")
    with scope(SYSTEM), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
        with django_assert_num_queries(2) as asked:
            template_reading.sent_recently(version)
            template_reading.waiting_now(version)
        plans = []
        for query in asked.captured_queries:
            cursor.execute(f"EXPLAIN {query['sql']}")
            plans.append("\n".join(line for (line,) in cursor.fetchall()))
    assert re.search(r"notifications_delivery_list.*\n.*partner_id = .*environment.* = .*id >= ", plans[0])
    assert all("LIMIT 10000" in query["sql"] for query in asked.captured_queries)
