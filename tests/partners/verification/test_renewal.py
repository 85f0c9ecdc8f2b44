"""Once a year a bank is asked again, in good time, and goes on working until somebody decides otherwise."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from partners.actions.domain_proof import prove_domain_by_hand
from partners.actions.review import approve_bank, ask_for_more, decline_bank, recommend_bank
from partners.actions.verification import edit_verification, remind_verifications, submit_verification
from partners.models import Partner
from partners.refusals import Refused
from partners.tasks import ask_for_verification
from portal.demo.verification import submit_bank
from portal.tenancy.context import scope
from tests.properties.machine import travel

from .conftest import HOME, SYSTEM, as_system, browser, mails, make_desk, state, text_of, version

START = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
def clock() -> Iterator[Any]:
    with travel(START) as clock:
        yield clock


@pytest.fixture
def verified(clock: Any, db: None) -> Any:
    """At the start, and active by now."""
    desk = make_desk()
    submit_bank(desk.bank, desk.owner, desk.third)
    recommend_bank(partner_id=desk.bank.id, actor=desk.first)
    approve_bank(partner_id=desk.bank.id, actor=desk.second)
    with as_system():
        Partner.objects.filter(pk=desk.bank.pk).update(status="ACTIVE")
    mails()
    return desk


def at(clock: Any, **after: int) -> None:
    clock.move_to(START + timedelta(**after))


def test_it_is_asked_for_in_time_again_and_at_the_end(verified: Any, clock: Any) -> None:
    at(clock, days=304)
    assert (remind_verifications(), mails()) == (0, [])
    at(clock, days=305)
    assert ask_for_verification() == 1
    asked = [("bank", who, "verify your bank again by 24 November 2027") for who in ("owner", "colleague")]
    assert mails() == asked
    assert remind_verifications() == 0
    at(clock, days=351)
    assert (remind_verifications(), mails()) == (1, asked)
    at(clock, days=365)
    assert remind_verifications() == 1
    assert {(kind, headline) for kind, _, headline in mails()} == {
        ("bank", "the yearly verification is overdue"),
        ("staff", "the yearly verification is overdue"),
    }
    assert (remind_verifications(), state(verified)[0].status) == (0, "ACTIVE")


def test_nobody_is_asked_who_has_handed_it_in_or_left(verified: Any, clock: Any) -> None:
    at(clock, days=320)
    assert remind_verifications() == 1
    renew(verified)
    at(clock, days=360)
    assert remind_verifications() == 0
    with as_system():
        Partner.objects.filter(pk=verified.bank.pk).update(status="SURRENDERED")
    assert remind_verifications() == 0


def renew(desk: Any) -> None:
    """As it stood; only the domain has to be shown again."""
    prove_domain_by_hand(partner_id=desk.bank.id, reason="Still theirs.", actor=desk.third)
    submit_verification(partner_id=desk.bank.id, actor=desk.owner)


def test_a_renewal_is_on_the_list_with_its_deadline_and_stops_nothing(verified: Any, clock: Any) -> None:
    at(clock, days=310)
    remind_verifications()
    home, http = "/partners/fresh/", browser(verified.people["owner"])
    assert "Due now Verify your bank again" in text_of(http.get(home))
    assert "By 24 November 2027" in text_of(http.get(home))
    page = text_of(http.get(HOME))
    assert "submit it by 24 November 2027. Your bank goes on working meanwhile." in page
    assert "The proof is too old: check your domain again." in page
    with pytest.raises(Refused, match="Proof of your domain"):
        submit_verification(partner_id=verified.bank.id, actor=verified.owner)

    renew(verified)
    assert "Under review Verify your bank again" in text_of(http.get(home))
    assert "Yearly renewal" in text_of(browser(verified.people["first"]).get("/staff/reviews"))
    with pytest.raises(Refused, match="ask for more, or suspend it on its page"):
        decline_bank(partner_id=verified.bank.id, reasons={"domain": "No."}, actor=verified.first)
    ask_for_more(partner_id=verified.bank.id, reasons={"questions": "Which ones?"}, actor=verified.first)
    assert state(verified)[0].status == "ACTIVE"
    assert "The reviewers ask for more." in text_of(http.get(home))
    submit_verification(partner_id=verified.bank.id, actor=verified.owner)
    recommend_bank(partner_id=verified.bank.id, actor=verified.first)
    with pytest.raises(Refused, match="You recommended it yourself"):
        approve_bank(partner_id=verified.bank.id, actor=verified.first)
    approve_bank(partner_id=verified.bank.id, actor=verified.second)
    partner, verification, _ = state(verified)
    assert partner.status == "ACTIVE"
    assert verification.recertify_on == (START + timedelta(days=675)).date()
    assert "Done Verify your bank" in text_of(http.get(home))


def test_a_bank_opens_its_statement_when_something_has_changed(verified: Any) -> None:
    http = verified.http["owner"]
    with pytest.raises(Refused, match="Open the verification again"):
        edit_verification(partner_id=verified.bank.id, answers={}, actor=verified.owner)
    assert "Something has changed" in text_of(http.get(HOME))
    assert http.post(f"{HOME}/reopen").status_code == 302
    again = text_of(http.post(f"{HOME}/reopen", follow=True))
    assert "It is open already" in again
    with scope(SYSTEM):
        assert state(verified)[1].recertify_on == (START + timedelta(days=365)).date()
    stated = state(verified)[2].content["profile"]
    typed = {**stated, "legal_name": "Fresh Bank SE", "seen": version(verified)}
    assert http.post(f"{HOME}/profile", typed).status_code == 302
    assert state(verified)[0].status == "ACTIVE"
