"""From an offer to what is in force, on the pages: counter, compare, sign, countersign."""

import re
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from partners.access import member_principal
from partners.actions.agreement_clock import move_agreements
from partners.actions.agreements import Signing, Terms, accept_agreement, offer_agreement
from partners.actions.partners import register_partner
from partners.due import When, agreement_task
from partners.models import AgreementSignature
from partners.refusals import Refused
from portal.audit.models import AuditEvent
from portal.ids import public_id

from .conftest import (
    HOME,
    TERMS,
    agreed,
    as_system,
    at_member,
    at_staff,
    count,
    in_force,
    latest,
    led_to,
    mails,
    offered,
    text_of,
    version,
)


def test_offer_counter_offer_sign_countersign_in_force(desk: Any) -> None:
    first = offered(desk, retention_days="400")
    assert ("offered", "compliance@norden.example") in mails()
    page = desk.compliance.get(at_member(first, "/compare"))
    assert "1 clause of 11 differs" in text_of(page)
    assert "<del>90</del>" in page.content.decode()
    assert "<ins>400</ins>" in page.content.decode()

    said = {"retention_days": "120", "comment_3_1": "Our law allows 120 days."}
    counter = led_to(desk.compliance.post(at_member(first, "/counter"), {**TERMS, **said}))
    assert (version(first.id).status, counter.status, counter.is_by_bank) == ("SUPERSEDED", "COUNTERED", True)
    assert ("countered", "operator@parley.example") in mails()
    assert "Our law allows 120 days." in text_of(desk.first.get(at_staff(counter)))
    prefilled = desk.first.get(desk.offer_page).content.decode()
    assert re.search(r'name="retention_days" value="120"', prefilled)

    second = led_to(desk.first.post(desk.offer_page, {**TERMS, "retention_days": "120"}))
    assert (second.number, second.status) == (4, "OFFERED")
    desk.owner.prove()
    signed = desk.owner.sign(at_member(second, "/sign"), second)
    assert led_to(signed).status == "ACCEPTED"
    assert ("accepted", "operator@parley.example") in mails()
    assert ("accepted", "reviewer@parley.example") not in mails(), "who offered it cannot countersign"
    desk.second.prove()
    done = led_to(desk.second.sign(at_staff(second, "/countersign"), second))
    assert (done.status, in_force(desk.partner).id) == ("FINALIZED", second.id)
    assert ("in_force", "owner@norden.example") in mails()

    with as_system():
        by_side = {one.side: one for one in AgreementSignature.objects.filter(version=second)}
        codes = AuditEvent.objects.filter(target_id=second.id).order_by("id").values_list("code", flat=True)
        assert list(codes) == [
            f"agreement.{what}" for what in ("offered", "accepted", "countersigned", "finalized")
        ]
    bank = by_side["bank"]
    assert (bank.email, bank.ip, bank.browser) == (
        "owner@norden.example",
        "127.0.0.1",
        "Firefox/140 on Linux",
    )
    assert {one.text_sha256 for one in by_side.values()} == {second.text_sha256}
    assert by_side["platform"].user_id == desk.second.user.pk


def test_signing_asks_again_who_one_is_and_then_goes_on(desk: Any) -> None:
    one = offered(desk)
    asked = desk.owner.sign(at_member(one, "/sign"), one)
    assert asked["Location"].startswith("/accounts/reauthenticate/")
    assert version(one.id).status == "OFFERED"
    back = desk.owner.post(asked["Location"], {"password": "correct horse battery staple"})
    assert led_to(back).status == "ACCEPTED", "what was posted is taken up again"


@pytest.mark.parametrize(
    ("browser", "more", "status"),
    [("compliance", "/sign", 403), ("analyst", "", 403), ("stranger", "", 404), ("stranger", "/sign", 404)],
)
def test_who_may_not_is_told_or_sees_nothing(desk: Any, browser: str, more: str, status: int) -> None:
    one = offered(desk)
    answer = getattr(desk, browser).get(at_member(one, more))
    assert answer.status_code == status
    if (browser, status) == ("compliance", 403):
        assert "Somebody with one of these can: Owner" in text_of(answer)


def test_whoever_cannot_sign_is_told_who_can(desk: Any) -> None:
    page = text_of(desk.compliance.get(at_member(offered(desk))))
    assert "You cannot sign for your bank. An authorised signatory can: Norden Bank owner" in page
    assert "invite a signatory" in page
    assert "Read and sign" not in page


def test_a_text_that_changed_since_it_was_opened_is_not_signed(desk: Any) -> None:
    one = offered(desk)
    desk.owner.prove()
    opened = desk.owner.get(at_member(one, "/sign"))
    assert f'value="{one.text_sha256}"' in opened.content.decode()
    refused = desk.owner.sign(at_member(one, "/sign"), one, text_sha256="0" * 64)
    assert refused.status_code == 422
    assert "The text has changed since you opened it" in text_of(refused)
    led_to(desk.compliance.post(at_member(one, "/counter"), {**TERMS, "notice_days": "60"}))
    replaced = desk.owner.sign(at_member(one, "/sign"), one)
    assert replaced.status_code == 422
    assert "This has changed since you opened it: version 2 is replaced by a later version." in text_of(
        replaced
    )
    with as_system():
        assert not AgreementSignature.objects.filter(version=one).exists()


def test_signing_needs_the_tick(desk: Any) -> None:
    one = offered(desk)
    desk.owner.prove()
    refused = desk.owner.post(at_member(one, "/sign"), {"text_sha256": one.text_sha256})
    assert refused.status_code == 422
    assert version(one.id).status == "OFFERED"


def test_whoever_offered_does_not_countersign(desk: Any) -> None:
    one = offered(desk)
    desk.owner.prove()
    desk.owner.sign(at_member(one, "/sign"), one)
    page = text_of(desk.first.get(at_staff(one)))
    assert "a colleague has to countersign it" in page
    assert "Read and countersign" not in page
    desk.first.prove()
    refused = desk.first.sign(at_staff(one, "/countersign"), one)
    assert refused.status_code == 422
    assert "Whoever offered the agreement cannot countersign it" in text_of(refused)
    assert version(one.id).status == "ACCEPTED"


def test_an_amendment_while_another_is_open_is_refused_and_what_was_typed_is_kept(desk: Any) -> None:
    offered(desk)
    before = count(desk.partner)
    refused = desk.second.post(desk.offer_page, {**TERMS, "retention_days": "77"})
    assert refused.status_code == 422
    assert "Another negotiation is open: version 2 is offered and waits for the bank." in text_of(refused)
    assert 'value="77"' in refused.content.decode()
    assert count(desk.partner) == before


def test_two_who_sign_or_offer_at_once_leave_one_signature_and_one_offer(
    committed_world: Any,
) -> None:
    bank, staff = committed_world.bank, committed_world.staff
    terms = Terms(clusters=["BALANCES"], channels=["messenger"], countries=["US"])
    offers = _at_once(
        lambda actor: offer_agreement(partner_id=bank.partner.id, terms=terms, actor=actor),
        [staff.reviewer, staff.second_reviewer],
    )
    assert sorted(offers) == ["Refused", "done"]
    one = latest(bank.partner)
    with transaction.atomic():
        owner, _ = member_principal(bank.members[0].user, "norden")
    signing = Signing(one.text_sha256)
    signed = _at_once(
        lambda actor: accept_agreement(version_id=one.id, signing=signing, actor=actor), [owner, owner]
    )
    assert sorted(signed) == ["Refused", "done"]
    with as_system():
        assert AgreementSignature.objects.filter(version=one).count() == 1


def _at_once(action: Any, actors: list[Any]) -> list[str]:
    found: list[str] = []
    gate = threading.Barrier(len(actors))

    def run(actor: Any) -> None:
        gate.wait()
        try:
            action(actor)
            found.append("done")
        except Refused:
            found.append("Refused")
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[actor]) for actor in actors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_a_counter_that_changes_nothing_is_refused(desk: Any) -> None:
    one = offered(desk)
    refused = desk.compliance.post(at_member(one, "/counter"), TERMS)
    assert refused.status_code == 422
    assert "You have changed nothing" in text_of(refused)
    assert version(one.id).status == "OFFERED"


@pytest.mark.parametrize(
    ("field", "typed", "sentence"),
    [
        ("countries", "US, XX", "There is no country with the code XX."),
        ("countries", " , ", "Name at least one country."),
        ("longest_grant_days", "366", "less than or equal to 365"),
        ("retention_days", "0", "greater than or equal to 1"),
        ("ends_on", "2020-01-01", "The last day cannot come before the first day or before today."),
        ("clusters", [], "Fill in “Kinds of data”."),
        ("clusters", ["ADVERTISING"], "ADVERTISING is not one of the available choices"),
    ],
)
def test_bad_terms_are_named_and_kept(desk: Any, field: str, typed: Any, sentence: str) -> None:
    before = count(desk.partner)
    refused = desk.first.post(desk.offer_page, {**TERMS, "notice_days": "41", field: typed})
    assert refused.status_code == 422
    assert sentence in text_of(refused)
    assert "There is a problem" in text_of(refused)
    assert 'value="41"' in refused.content.decode()
    assert count(desk.partner) == before


def test_the_bank_asks_for_an_amendment_of_what_is_in_force(desk: Any) -> None:
    current = in_force(desk.partner)
    made = led_to(desk.compliance.post(at_member(current, "/counter"), {**TERMS, "notice_days": "60"}))
    assert (made.status, made.number) == ("COUNTERED", 2)
    assert in_force(desk.partner).id == current.id
    again = desk.compliance.post(at_member(current, "/counter"), {**TERMS, "notice_days": "61"})
    assert again.status_code == 422
    assert "Another negotiation is open: version 2" in text_of(again)


def test_declining_needs_a_reason_and_ends_the_negotiation(desk: Any) -> None:
    current, one = in_force(desk.partner), offered(desk)
    assert desk.compliance.post(at_member(one, "/decline"), {"reason": ""}).status_code == 422
    done = led_to(desk.compliance.post(at_member(one, "/decline"), {"reason": "Too wide."}))
    assert (done.status, done.ending_reason) == ("DECLINED", "Too wide.")
    assert ("declined", "reviewer@parley.example") in mails()
    assert in_force(desk.partner).id == current.id
    assert "Declined: Too wide." in text_of(desk.first.get(at_staff(one)))
    assert offered(desk).number == 3


def test_it_waits_for_its_day(desk: Any) -> None:
    tomorrow = timezone.now().date() + timedelta(days=1)
    before = in_force(desk.partner)
    one = agreed(desk, starts_on=tomorrow.isoformat())
    assert one.status == "AGREED"
    assert "It comes into force on" in text_of(desk.owner.get(HOME))
    assert move_agreements()["begun"] == 0
    with time_machine.travel(datetime(tomorrow.year, tomorrow.month, tomorrow.day, 0, 1, tzinfo=UTC)):
        assert move_agreements()["begun"] == 1
    assert in_force(desk.partner).id == one.id
    assert version(before.id).status == "SUPERSEDED"


def test_home_has_one_next_step_and_every_version(desk: Any, django_assert_max_num_queries: Any) -> None:
    offered(desk)
    with django_assert_max_num_queries(32):
        page = text_of(desk.owner.get(HOME))
    assert "It is your turn" in page
    assert "In force: AGR-NORDEN, version 1" in page
    assert "AGR-NORDEN, version 2" in page


def test_history_goes_on_by_keyset(desk: Any) -> None:
    for _ in range(26):
        one = offered(desk)
        led_to(desk.first.post(at_staff(one, "/decline"), {"reason": "Again."}))
    page = desk.owner.get(HOME)
    assert text_of(page).count("AGR-NORDEN, version") == 26  # 25 rows, and what is in force
    older = re.search(r'href="(\?before=[^"]+)"', page.content.decode())[1]
    assert text_of(desk.owner.get(HOME + older)).count("AGR-NORDEN, version") == 3
    assert desk.owner.get(HOME + "?before=agv_1").status_code == 404


def test_another_banks_version_cannot_be_compared_with(desk: Any) -> None:
    theirs = public_id("agv", in_force(desk.world.other.partner).id)
    page = at_member(in_force(desk.partner), f"/compare?with={theirs}")
    assert desk.owner.get(page).status_code == 404


def test_the_database_takes_no_signature_of_another_text(desk: Any) -> None:
    one = offered(desk)
    other = AgreementSignature(
        version=one, partner_id=one.partner_id, side="bank", user_id=desk.owner.user.pk, name="Ana",
        email="ana@norden.example", at=timezone.now(), text_sha256="0" * 64,
    )  # fmt: skip
    with as_system(), pytest.raises(IntegrityError, match="same_text"):
        other.save(force_insert=True)


def test_the_home_pages_task_follows_the_agreement(desk: Any) -> None:
    with as_system():
        fresh = register_partner(name="Fresh", slug="fresh", owner=desk.owner.user)
        assert agreement_task(fresh).when == When.LATER
        assert agreement_task(desk.partner).when == When.DONE
    one = offered(desk)
    with as_system():
        assert agreement_task(desk.partner)[:3] == ("Read and sign the agreement", When.NOW, HOME)
    led_to(desk.first.post(at_staff(one, "/decline"), {"reason": "A mistake."}))
    agreed(desk, ends_on="2099-12-31")
    with as_system():
        task = agreement_task(desk.partner)
    assert task.title == "Renew the agreement"
    assert task.deadline == datetime(2100, 1, 1, tzinfo=UTC)
