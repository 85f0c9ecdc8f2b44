"""What a bank states: filled in by part, kept when something is wrong, handed in once, and frozen."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import ProgrammingError, connection, transaction

from partners.access import member_principal
from partners.actions.domain_proof import prove_domain_by_hand
from partners.actions.partners import register_partner
from partners.actions.review import decline_bank
from partners.actions.verification import submit_verification
from partners.lei import lei_problem, with_check_digits
from partners.refusals import Refused
from portal.audit.models import AuditEvent
from portal.demo.verification import submit_bank
from portal.mail.models import Mail
from portal.mail.outbox import compose

from .conftest import (
    ANSWERS,
    CONTACTS,
    HOME,
    PDF,
    PROFILE,
    as_system,
    mails,
    make_desk,
    state,
    text_of,
    version,
)


def fill(desk: Any, who: str = "owner") -> None:
    """Everything, on its pages."""
    http = desk.http[who]
    for part, typed in (("profile", PROFILE), ("contacts", CONTACTS), ("questions", ANSWERS)):
        answer = http.post(f"{HOME}/{part}", {**typed, "seen": version(desk)})
        assert answer.status_code == 302, text_of(answer)
    file = SimpleUploadedFile("licence.pdf", PDF)
    assert http.post(f"{HOME}/documents", {"kind": "licence", "file": file}).status_code == 302
    prove_domain_by_hand(partner_id=desk.bank.id, reason="Asked at the register.", actor=desk.first)


def test_a_bank_fills_in_each_part_reads_it_through_and_submits(desk: Any) -> None:
    http = desk.http["owner"]
    first = text_of(http.get(HOME))
    assert "To fill in: Legal name, Country, Regulator, Licence number, LEI." in first
    assert "Read it through and submit" not in first
    assert "Due now Verify your bank" in text_of(http.get("/partners/fresh/"))
    early = http.post(f"{HOME}/submit", {"is_right": "on", "seen": version(desk)})
    assert early.status_code == 422
    assert "Not yet: Legal details, Contacts, Security questions, Documents, Proof" in text_of(early)

    fill(desk)
    assert "Read it through and submit" in text_of(http.get(HOME))
    page = text_of(http.get(f"{HOME}/submit"))
    for stated in (
        "Fresh Bank plc",
        "Germany",
        "SOC 2 type II",
        "1 October 2026",
        "Una privacy",
        "licence.pdf",
    ):
        assert stated in page
    assert http.post(f"{HOME}/submit", {"seen": version(desk)}).status_code == 422  # nobody stands by it
    assert http.post(f"{HOME}/submit", {"is_right": "on", "seen": version(desk)}).status_code == 302

    partner, verification, submission = state(desk)
    assert partner.status == "PENDING_REVIEW"
    assert verification.is_claimed
    assert submission.content["profile"]["lei"] == PROFILE["lei"].upper()
    assert submission.content["questions"]["answers"]["encrypted"] is False
    assert submission.content["questions"]["answers"]["leavers"] == 4
    assert "Under review Verify your bank" in text_of(http.get("/partners/fresh/"))
    with as_system():
        codes = AuditEvent.objects.filter(partner_id=partner.id, code__startswith="verification.")
        assert [one.code for one in codes.order_by("id")][-1] == "verification.submitted"


def test_what_was_handed_in_is_frozen(case: Any) -> None:
    before = state(case)[2].digest
    http, mails_before = case.http["owner"], mails()
    assert [to for _, to, _ in mails_before] == ["third", "reviewer", "operator"]
    for part, typed in (("profile", PROFILE), ("contacts", CONTACTS), ("questions", ANSWERS)):
        page = http.get(f"{HOME}/{part}")
        assert "This cannot be changed now" in text_of(page)
        answer = http.post(f"{HOME}/{part}", {**typed, "seen": version(case)})
        assert (answer.status_code, "is frozen while it is reviewed" in text_of(answer)) == (422, True)
    file = {"kind": "other", "file": SimpleUploadedFile("x.pdf", PDF)}
    assert "is frozen" in text_of(http.post(f"{HOME}/documents", file))
    again = http.post(f"{HOME}/submit", {"is_right": "on", "seen": version(case)})
    assert "is frozen" in text_of(again)
    assert (state(case)[2].digest, mails()) == (before, [])
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        as_system(),
        connection.cursor() as cursor,
    ):
        cursor.execute("UPDATE partners_submission SET content = '{}'")


@pytest.mark.parametrize(
    ("lei", "sentence"),
    [
        ("5299FRESH0000000", "An LEI has 20 letters and digits; this has 16."),
        ("5299FRESH0000000001X", "and ends with two digits."),
        ("5299FRESH-0000000011", "capital letters and digits only"),
        ("529900T8BM49AURSDO54", "The last two digits do not fit the rest"),
    ],
)
def test_a_wrong_lei_is_told_at_its_field_and_nothing_typed_is_lost(
    desk: Any, lei: str, sentence: str
) -> None:
    answer = desk.http["owner"].post(f"{HOME}/profile", {**PROFILE, "lei": lei})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert sentence in text_of(answer)
    assert '<a href="#id_lei">' in page
    assert 'value="Fresh Bank  plc"' in page
    assert "Error:" in page
    assert state(desk)[1] is None


def test_real_leis_pass() -> None:
    for lei in ("529900T8BM49AURSDO55", "5493001KJTIIGC8Y1R12", "HWUPKR0MPOU8FGXBT394"):
        assert lei_problem(lei) == ""


def other_bank(desk: Any, **profile: str) -> None:
    """One that has handed in what may be somebody else's."""
    user = desk.people["analyst"]
    other = register_partner(name="Other", slug="other", owner=user, domain="other.example")
    with transaction.atomic():
        acting, _ = member_principal(user, "other")
    stated = {**PROFILE, "licence": "L-1", "lei": with_check_digits("5299OTHER000000000"), **profile}
    submit_bank(other, acting, desk.first, **stated)


@pytest.mark.parametrize(
    ("profile", "word"),
    [({"licence": "l-100", "regulator": "bafin"}, "licence"), ({"lei": PROFILE["lei"]}, "LEI")],
)
def test_a_licence_or_lei_of_another_bank_is_refused(desk: Any, profile: dict[str, str], word: str) -> None:
    other_bank(desk, **profile)
    answer = desk.http["owner"].post(f"{HOME}/profile", PROFILE)
    assert answer.status_code == 422
    assert f"Another bank has registered this {word} already." in text_of(answer)
    assert 'value="L-100"' in answer.content.decode()


def test_the_same_licence_at_another_regulator_is_another_one(desk: Any) -> None:
    other_bank(desk, licence="L-100", regulator="FINMA")
    assert desk.http["owner"].post(f"{HOME}/profile", PROFILE).status_code == 302


def test_a_draft_claims_nothing_and_whoever_submits_first_has_it(desk: Any) -> None:
    """Nobody can keep a bank out by typing its licence."""
    fill(desk)
    other_bank(desk, licence="L-100")
    with pytest.raises(Refused, match="Another bank has registered this licence"):
        submit_verification(partner_id=desk.bank.id, actor=desk.owner)
    assert state(desk)[0].status == "DRAFT"


def test_two_banks_that_submit_the_same_licence_at_once(committed_db: str) -> None:
    desk = make_desk()
    fill(desk)
    user = desk.people["analyst"]
    other = register_partner(name="Other", slug="other", owner=user, domain="other.example")
    with transaction.atomic():
        acting, _ = member_principal(user, "other")
    with pytest.raises(Refused, match="Not yet"):
        submit_verification(partner_id=other.id, actor=acting)
    profile = {**PROFILE, "lei": with_check_digits("5299OTHER000000000")}
    outcomes, gate = [], threading.Barrier(2)

    def submit(act: Callable[[], object]) -> None:
        gate.wait(5)
        try:
            act()
            outcomes.append("submitted")
        except Refused as refusal:
            outcomes.append(str(refusal))
        finally:
            connection.close()

    acts = (
        lambda: submit_verification(partner_id=desk.bank.id, actor=desk.owner),
        lambda: submit_bank(other, acting, desk.first, **profile),
    )
    threads = [threading.Thread(target=submit, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    assert [one[:27] for one in sorted(outcomes)] == ["Another bank has registered", "submitted"]


def test_a_stale_form_is_refused_and_keeps_what_was_typed(desk: Any) -> None:
    owner, colleague = desk.http["owner"], desk.http["colleague"]
    owner.post(f"{HOME}/profile", PROFILE)
    seen = version(desk)
    assert (
        colleague.post(f"{HOME}/profile", {**PROFILE, "legal_name": "Hers", "seen": seen}).status_code == 302
    )
    late = owner.post(f"{HOME}/profile", {**PROFILE, "legal_name": "His", "seen": seen})
    assert late.status_code == 422
    assert "This has changed since you opened it." in text_of(late)
    assert 'value="His"' in late.content.decode()
    assert state(desk)[1].legal_name == "Hers"
    carried = late.content.decode().partition('name="seen" value="')[2].partition('"')[0]
    assert owner.post(f"{HOME}/profile", {**PROFILE, "legal_name": "His", "seen": carried}).status_code == 302


@pytest.mark.parametrize(
    ("part", "typed", "sentence"),
    [
        ("contacts", {**CONTACTS, "privacy_email": "nobody"}, "Enter a valid email address."),
        ("contacts", {**CONTACTS, "incident_phone": "112"}, "Begin with + and the country’s number."),
        ("contacts", {**CONTACTS, "security_name": ""}, "Fill in “Security: name”"),
        ("questions", {**ANSWERS, "leavers": "-1"}, "greater than or equal to 0"),
        ("questions", {**ANSWERS, "tested": "soon"}, "Enter a valid date."),
        ("questions", {**ANSWERS, "second_step": ""}, "Fill in “Do all who can reach customer data"),
        ("profile", {**PROFILE, "country": "XX"}, "Select a valid choice"),
    ],
)
def test_bad_input_is_told_and_writes_nothing(
    desk: Any, part: str, typed: dict[str, str], sentence: str
) -> None:
    answer = desk.http["owner"].post(f"{HOME}/{part}", typed)
    assert answer.status_code == 422
    assert sentence in text_of(answer)
    assert state(desk)[1] is None


def test_contacts_are_sealed_and_shown_again(desk: Any) -> None:
    fill(desk)
    with as_system(), connection.cursor() as cursor:
        cursor.execute("SELECT contacts FROM partners_verification WHERE partner_id = %s", [desk.bank.id])
        assert b"Una" not in bytes(cursor.fetchone()[0])
    assert 'value="Una privacy"' in desk.http["owner"].get(f"{HOME}/contacts").content.decode()


def test_who_may(desk: Any, case: Any) -> None:
    for part in ("", "/profile", "/documents", "/domain", "/submit"):
        assert desk.http["colleague"].get(f"{HOME}{part}").status_code == 200
        answer = desk.http["analyst"].get(f"{HOME}{part}")
        assert (answer.status_code, "Owner, Compliance" in text_of(answer)) == (403, True)
        assert desk.http["first"].get(f"{HOME}{part}").status_code == 404


def test_mails_say_whose_turn_it_is_and_nothing_else(case: Any) -> None:
    with as_system():
        mail = Mail.objects.filter(template="partners/review_staff").first()
        sent = compose(mail)
    assert sent.subject == "Fresh Bank: a verification waits for review"
    html, kind = sent.alternatives[0]
    assert kind == "text/html"
    for text in (sent.body, html):
        assert "/staff/reviews/fresh" in text
        assert "OCC-" not in text
        assert "5299" not in text


def test_the_pages_take_few_queries(case: Any, django_assert_max_num_queries: Any) -> None:
    http = case.http["owner"]
    http.get(HOME)
    with django_assert_max_num_queries(32):
        http.get(HOME)


def test_a_bank_that_has_left_frees_its_licence(case: Any) -> None:
    decline_bank(partner_id=case.bank.id, reasons={"profile": "No such bank."}, actor=case.first)
    assert not state(case)[1].is_claimed
    with pytest.raises(Refused, match="has left Parley"):
        submit_verification(partner_id=case.bank.id, actor=case.owner)
