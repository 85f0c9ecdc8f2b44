"""The staff's side: pick a case, judge it by item, talk with the bank, and decide by two."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from partners.actions.partners import add_member
from partners.actions.review import approve_bank, recommend_bank
from partners.models import Partner, ReviewDecision, Submission
from partners.refusals import Refused
from partners.views.staff_review import PAGE
from portal.demo.verification import submit_bank
from portal.mail.models import Mail
from portal.tenancy.context import scope

from .conftest import CASE, HOME, SYSTEM, as_system, decide, mails, make_desk, state, take, text_of, version

QUEUE = "/staff/reviews"


def test_two_people_verify_a_bank(case: Any) -> None:
    mails()
    first, second, owner = case.http["first"], case.http["second"], case.http["owner"]
    assert "Fresh Bank New Waiting Nobody" in text_of(first.get(QUEUE))
    assert f'href="{QUEUE}"' in first.get("/staff/partners").content.decode()  # in the menu
    page = text_of(first.get(CASE))
    assert "Take this case" in page
    assert "Fresh Bank plc" in page
    assert "You have this case now." in text_of(take(case, "first"))
    assert state(case)[0].status == "IN_REVIEW"
    assert "In review Rosa Reviewer" in text_of(second.get(QUEUE))

    answer = decide(case, "first", "recommend", words="Found in the register.")
    assert answer.status_code == 302
    assert mails() == [
        ("staff", "third", "a second review is due"),
        ("staff", "operator", "a second review is due"),
    ]
    assert "Found in the register." in text_of(second.get(CASE))
    assert "Found in the register." not in text_of(owner.get(HOME))

    take(case, "first")
    barred = text_of(first.get(CASE))
    assert "You recommended it yourself, so a second, different reviewer has to approve it." in barred
    refused = decide(case, "first", "approve")
    assert (refused.status_code, "You recommended it yourself" in text_of(refused)) == (422, True)

    take(case, "second", takeover="1")
    assert decide(case, "second", "approve", words="Welcome.").status_code == 302
    partner, verification, submission = state(case)
    assert (partner.status, submission.status) == ("APPROVED", "APPROVED")
    assert verification.recertify_on is not None
    assert mails() == [
        ("bank", "owner", "your bank is verified"),
        ("bank", "colleague", "your bank is verified"),
    ]
    assert "Parley’s staff approved it: Welcome." in text_of(owner.get(HOME))
    assert "Done Verify your bank" in text_of(owner.get("/partners/fresh/"))
    assert "All reviewed" in text_of(second.get(QUEUE))


def test_a_case_of_a_colleague_is_shown_and_taken_over_only_on_purpose(case: Any) -> None:
    take(case, "first")
    page = case.http["second"].get(CASE)
    assert "Rosa Reviewer has this case. Take it over only if you have agreed on that." in text_of(page)
    assert "Rosa Reviewer has this case." in text_of(take(case, "second"))
    refused = decide(case, "second", "recommend")
    assert "Rosa Reviewer has this case. Take it over first." in text_of(refused)
    assert state(case)[2].reviewer_id == case.first.id
    assert "You have this case now." in text_of(take(case, "second", takeover="1"))
    assert state(case)[2].reviewer_id == case.second.id


def test_a_stale_page_is_refused_and_keeps_what_was_typed(case: Any) -> None:
    take(case, "first")
    seen = version(case)
    case.http["owner"].post(f"{HOME}/message", {"text": "Our licence has changed."})
    late = case.http["first"].post(f"{CASE}/decide/recommend", {"seen": seen, "words": "All good."})
    assert late.status_code == 422
    assert "This has changed since you opened it." in text_of(late)
    assert "All good." in late.content.decode()
    assert state(case)[2].status == "IN_REVIEW"
    with as_system():
        assert not ReviewDecision.objects.exists()


def test_more_is_asked_for_by_item_and_answered(case: Any) -> None:
    take(case, "first")
    recommended = decide(case, "first", "recommend")
    assert recommended.status_code == 302
    take(case, "second")
    mails()
    assert decide(case, "second", "ask").status_code == 422  # for nothing
    typed = {"reason_documents": "The extract is from 2019.", "words": "Nearly there."}
    assert decide(case, "second", "ask", **typed).status_code == 302
    assert {(kind, headline) for kind, _, headline in mails()} == {("bank", "the reviewers ask for more")}
    with as_system():
        assert not Mail.objects.exists()

    http = case.http["owner"]
    page = text_of(http.get(HOME))
    assert "Documents More is asked for The extract is from 2019." in page
    assert "Nearly there." in page
    assert "Due now Answer the reviewers" in text_of(http.get("/partners/fresh/"))
    assert "Nothing of this bank waits" in text_of(decide(case, "second", "approve"))

    http.post(f"{HOME}/message", {"text": "The new one is coming."})
    assert mails()[0] == ("staff", "third", "the bank wrote to you")
    assert http.post(f"{HOME}/submit", {"is_right": "on", "seen": version(case)}).status_code == 302
    assert state(case)[2].number == 2
    take(case, "second")
    assert "A colleague has to recommend it first." in text_of(decide(case, "second", "approve"))


def test_what_has_changed_since_the_last_time_is_marked(case: Any) -> None:
    take(case, "first")
    decide(case, "first", "ask", reason_profile="The name is wrong.")
    stated = state(case)[2].content["profile"]
    http = case.http["owner"]
    typed = {**stated, "legal_name": "Fresh Bank AG", "seen": version(case)}
    assert http.post(f"{HOME}/profile", typed).status_code == 302
    http.post(f"{HOME}/submit", {"is_right": "on", "seen": version(case)})
    page = text_of(case.http["first"].get(CASE))
    assert "Fresh Bank AG Changed. Before: Fresh Bank plc" in page
    assert page.count("Changed. Before") == 1


def test_a_bank_is_declined_with_a_reason_for_each_item(case: Any) -> None:
    take(case, "first")
    mails()
    assert decide(case, "first", "decline").status_code == 422
    reasons = {"reason_profile": "No such licence.", "reason_domain": "The domain is for sale."}
    assert decide(case, "first", "decline", **reasons).status_code == 302
    assert state(case)[0].status == "REJECTED"
    http = case.http["owner"]
    page = text_of(http.get(HOME))
    assert "Parley does not take your bank." in page
    assert "Legal details: No such licence." in page
    assert "Proof of your domain: The domain is for sale." in page
    assert mails()[0] == ("bank", "owner", "your bank is not taken")
    # It can still write, and nothing else
    assert http.post(f"{HOME}/message", {"text": "Look again."}).status_code == 302
    answer = http.post(f"{HOME}/submit", {"is_right": "on"})
    assert "has left Parley" in text_of(answer)


def test_a_case_is_put_off_until_a_day_and_comes_back(case: Any) -> None:
    take(case, "first")
    past = decide(case, "first", "defer", until="2020-01-01", words="Why not.")
    assert (past.status_code, "Choose a day after today." in text_of(past)) == (422, True)
    late = decide(case, "first", "defer", until="2099-01-01", words="Why not.")
    assert "within 180 days" in text_of(late)
    day = (timezone.now() + timedelta(days=10)).date()
    assert (
        decide(case, "first", "defer", until=day.isoformat(), words="The regulator moves.").status_code == 302
    )
    http = case.http["first"]
    assert "All reviewed" in text_of(http.get(QUEUE))
    assert "Fresh Bank New Put off" in text_of(http.get(f"{QUEUE}?show=deferred"))
    assert "The regulator moves." in text_of(case.http["owner"].get(HOME))
    assert decide(case, "first", "recommend").status_code == 302  # sooner than they thought
    assert "Waits for a second look" in text_of(http.get(QUEUE))


def test_notes_are_for_colleagues_only(case: Any) -> None:
    http = case.http["first"]
    assert http.post(f"{CASE}/note", {"note-text": ""}).status_code == 422
    assert http.post(f"{CASE}/note", {"note-text": "Smells odd."}).status_code == 302
    assert http.post(f"{CASE}/message", {"text": "Which entity signs?"}).status_code == 302
    assert "Smells odd." in text_of(case.http["second"].get(CASE))
    page = text_of(case.http["owner"].get(HOME))
    assert "Smells odd." not in page
    assert "Parley’s staff wrote: Which entity signs?" in page
    with (
        scope(case.owner),
        pytest.raises(Exception, match="permission denied"),
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT text FROM partners_reviewnote")


def test_whoever_is_in_the_banks_team_cannot_judge_it(case: Any) -> None:
    add_member(partner_id=case.bank.id, user=case.people["third"], role="analyst", actor=SYSTEM)
    assert "You are in this bank’s team, so you cannot judge it." in text_of(case.http["third"].get(CASE))
    assert "You are in this bank’s team" in text_of(take(case, "third"))
    assert state(case)[2].reviewer_id is None


def test_an_auditor_reads_and_does_not_decide(case: Any) -> None:
    http = case.http["auditor"]
    assert "Your role reads cases." in text_of(http.get(CASE))
    assert http.post(f"{CASE}/take").status_code == 403
    assert http.get(f"{CASE}/decide/recommend").status_code == 403


def test_a_bank_that_has_not_submitted_has_a_page_too(desk: Any) -> None:
    page = text_of(desk.http["first"].get(CASE))
    assert "What stands there so far" in page
    assert "Take this case" not in page
    assert desk.http["first"].get("/staff/reviews/nobody").status_code == 404
    assert desk.http["first"].get(f"{CASE}/decide/praise").status_code == 404


def test_the_queue_takes_the_same_queries_for_any_number(
    case: Any, django_assert_max_num_queries: Any
) -> None:
    banks = [Partner(name=f"B{one}", slug=f"b-{one}", status="PENDING_REVIEW") for one in range(PAGE)]
    with as_system():
        handed_in = Submission.objects.get(partner=case.bank)
        Partner.objects.bulk_create(banks)
        Submission.objects.bulk_create(
            Submission(partner=bank, number=1, content=handed_in.content, submitted_by=handed_in.submitted_by)
            for bank in banks
        )
    http = case.http["first"]
    http.get(QUEUE)
    with django_assert_max_num_queries(18):
        page = http.get(QUEUE)
    assert "Fresh Bank" in text_of(page)
    following = page.content.decode().partition("after=")[2].partition('"')[0]
    second = text_of(http.get(f"{QUEUE}?after={following}"))
    assert f"B{PAGE - 1} " in second
    assert "B0 " not in second
    with django_assert_max_num_queries(30):
        http.get(CASE)


def test_two_who_decide_at_once_decide_once(committed_db: str) -> None:
    """One approves while the other one does, too: the second is told that the case has changed."""
    desk = make_desk()
    submit_bank(desk.bank, desk.owner, desk.third)
    recommend_bank(partner_id=desk.bank.id, actor=desk.first)
    seen, outcomes, gate = version(desk), [], threading.Barrier(2)

    def approve(actor: Any) -> None:
        gate.wait(5)
        try:
            approve_bank(partner_id=desk.bank.id, actor=actor, seen=seen)
            outcomes.append("approved")
        except Refused as refusal:
            outcomes.append(str(refusal))
        finally:
            connection.close()

    threads = [threading.Thread(target=approve, args=(who,)) for who in (desk.second, desk.third)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    assert sorted(one[:25] for one in outcomes) == ["This has changed since yo", "approved"]
    assert state(desk)[0].status == "APPROVED"
