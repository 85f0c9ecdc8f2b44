"""What time brings to a live grant: warnings once each, reminders to confirm, and the end of what is not used."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import DataError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from structlog.contextvars import bound_contextvars

from consents.actions.give import give_consent_again
from consents.actions.reconfirm import reconfirm_grant
from consents.actions.stop import pause_grant, resume_grant
from consents.models import Grant, LinkedAccount, UnusedKind
from consents.records import Account, Choice
from notifications.models import Delivery, Reply
from notifications.tasks import tend_all
from partners.models import Partner
from portal.accounts.models import User
from portal.audit.models import AuditEvent
from portal.ids import public_id
from portal.mail.models import Mail
from portal.mail.outbox import compose
from portal.tenancy.context import scope
from portal.tenancy.principal import Kind, Principal
from portal.vault.keys import destroy_keys, destroy_keys_of

from .conftest import Api

SYSTEM = Principal.system()
ACCOUNT = Account("acc-ana", "•• 4821", "Current account")


@pytest.fixture
def grant(world: Any) -> Grant:
    """Ana's, which is all there is to look after; it runs for 365 days."""
    with scope(SYSTEM), transaction.atomic():
        Grant.objects.exclude(pk=world.ana.grant.id).update(tend_at=timezone.now() + timedelta(days=3650))
        return Grant.objects.select_related("account", "customer", "person__user").get(pk=world.ana.grant.id)


def ana(grant: Grant) -> Principal:
    return Principal(Kind.PERSON, id=grant.person.user_id, person_id=grant.person_id)


def later(grant: Grant, days: float) -> Any:
    """So many days after it was given."""
    return time_machine.travel(grant.authorised_at + timedelta(days=days, minutes=1))


def mails(*templates: str) -> list[Mail]:
    with scope(SYSTEM), transaction.atomic():
        rows = Mail.objects.order_by("id")
        return list(rows.filter(template__in=templates) if templates else rows)


def rows(model: Any, **which: Any) -> list[Any]:
    with scope(SYSTEM), transaction.atomic():
        return list(model.objects.filter(**which).order_by("id"))


def now_of(grant: Grant) -> Grant:
    return rows(Grant, pk=grant.pk)[0]


def confirm(grant: Grant) -> None:
    reconfirm_grant(grant_id=grant.pk, actor=ana(grant))


def change_account(grant: Grant, **values: Any) -> None:
    with scope(SYSTEM), transaction.atomic():
        LinkedAccount.objects.filter(pk=grant.account_id).update(**values)


def use(cluster: str) -> None:
    """A message of the kind has been sent just now."""
    with scope(SYSTEM), transaction.atomic():
        Delivery.objects.filter(notification__cluster=cluster).update(sent_at=timezone.now())


def test_the_end_is_told_30_and_7_days_before_once_each(grant: Grant) -> None:
    for day in (80, 160, 240, 320):
        with later(grant, day):
            confirm(grant)
    told = []
    for day in (334.9, 335, 336, 350, 358, 364):
        with later(grant, day):
            tend_all()
            tend_all()
        told.append(len(mails("consents/ends")))
    assert told == [0, 1, 1, 1, 2, 2]
    end = grant.expires_at
    text = compose(mails("consents/ends")[0])
    assert text.subject == f"Norden Bank: your messages end on {end.day} {end:%B %Y}"
    assert f"/me/grants/{public_id('grt', grant.id)}" in text.body
    events = rows(AuditEvent, code="consent.warned", target_id=grant.pk)
    assert [one.data["about"] for one in events][-2:] == ["ends_in_30_days", "ends_in_7_days"]


def test_a_yes_is_asked_for_a_week_before_and_on_the_day(grant: Grant) -> None:
    told = []
    for day in (82.9, 83, 89, 90, 120):
        with later(grant, day):
            tend_all()
        told.append(len(mails("consents/confirm")))
    assert told == [0, 1, 1, 2, 2]
    bodies = [compose(one).body for one in mails("consents/confirm")]
    assert "Without it messages wait from" in bodies[0]
    assert "wait now until you confirm" in bodies[1]


def test_a_yes_puts_the_next_question_off(grant: Grant) -> None:
    with later(grant, 84):
        tend_all()
        confirm(grant)
        tend_all()
    with later(grant, 91):
        tend_all()
    assert len(mails("consents/confirm")) == 1
    with later(grant, 84 + 84):
        tend_all()
    assert len(mails("consents/confirm")) == 2


def test_renewing_starts_anew(grant: Grant) -> None:
    with later(grant, 336):
        confirm(grant)
        tend_all()
        choice = Choice(grant.clusters, [ACCOUNT], 365, "Renewed")
        give_consent_again(grant_id=grant.pk, account=grant.account, choice=choice, actor=ana(grant))
    with later(grant, 359):
        tend_all()
    assert len(mails("consents/ends")) == 1


def test_it_is_said_in_the_chat_too_while_that_is_open(grant: Grant) -> None:
    with later(grant, 84):
        with scope(SYSTEM), transaction.atomic():
            LinkedAccount.objects.filter(pk=grant.account_id).update(last_inbound_at=timezone.now())
        tend_all()
    assert len(rows(Reply)) == 1
    with later(grant, 91):
        tend_all()
    assert len(rows(Reply)) == 1, "the messenger's day is over"
    assert len(mails("consents/confirm")) == 2


def test_what_does_not_come_for_90_days_is_proposed_and_lapses_14_days_later(
    grant: Grant, world: Any
) -> None:
    with later(grant, 60):
        Api(world.bank.clients["live"]).send()
        use("BALANCES")
    with later(grant, 89):
        tend_all()
    assert mails("consents/unused") == []
    with later(grant, 91):
        confirm(grant)
        tend_all()
        tend_all()
        (mail,) = mails("consents/unused")
        assert "has not sent you this for three months: Receipts." in compose(mail).body
        assert {*now_of(grant).clusters} == {"BALANCES", "FRAUD_ALERTS", "RECEIPTS"}
    with later(grant, 104):
        tend_all()
        assert "RECEIPTS" in now_of(grant).clusters
    with later(grant, 106):
        tend_all()
        now = now_of(grant)
        assert now.clusters == ["BALANCES", "FRAUD_ALERTS"], "an alert that never came is no sign"
        (mail,) = mails("consents/lapsed")
        assert "Everything else goes on." in compose(mail).body
        with scope(SYSTEM), transaction.atomic():
            assert now.records.order_by("-id").first().clusters == now.clusters
        (event,) = rows(AuditEvent, code="consent.lapsed")
        assert (event.actor_kind, event.data["without"]) == ("system", ["RECEIPTS"])


def test_what_lapsed_is_in_the_persons_language_and_no_yes_of_theirs(grant: Grant, page: str) -> None:
    with transaction.atomic():
        User.objects.filter(pk=grant.person.user_id).update(locale="es")
    for day in (91, 106):
        with later(grant, day):
            tend_all()
    now = now_of(grant)
    receipt = f"{page}/receipts/{public_id('rec', now.record_id)}"
    http = signed_in(grant)
    found = http.get(f"{receipt}/json").json()
    assert found["event"]["event_state"] == "ConsentReduced"
    assert {one["language"] for one in found["pii_processing"]} == {"es"}
    assert "Quitado: Recibos" in found["parley"]["disclosure"]
    assert "PARAR en el chat" in found["pii_processing"][0]["withdrawal_method"]
    shown = http.get(receipt).content.decode()
    assert "Lo que Norden Bank puede enviarle se redujo: una parte no se usaba" in shown
    assert "Reducido</a>" in http.get(page).content.decode()


def test_a_message_or_a_wish_to_keep_it_stops_the_clock(grant: Grant, world: Any, page: str) -> None:
    with later(grant, 91):
        tend_all()
        assert len(rows(UnusedKind, decided_at=None)) == 2
        http = signed_in(grant)
        shown = http.get(page).content.decode()
        assert shown.count("has sent you nothing of this kind since") == 2
        http.post(f"{page}/unused", {"kind": "RECEIPTS", "answer": "keep"})
        again = http.post(f"{page}/unused", {"kind": "RECEIPTS", "answer": "keep"}, follow=True)
        assert "You have answered already, or it has ended." in again.content.decode()
        confirm(grant)
        Api(world.bank.clients["live"]).send()
        use("BALANCES")
        assert "nothing of this kind" not in http.get(page).content.decode()
    with later(grant, 106):
        tend_all()
        assert {*now_of(grant).clusters} == {"BALANCES", "FRAUD_ALERTS", "RECEIPTS"}
        assert {one.outcome for one in rows(UnusedKind)} == {"kept", "moot"}
    with later(grant, 182):
        tend_all()
        assert len(rows(UnusedKind, decided_at=None)) == 2


def test_what_is_not_used_can_be_removed_at_once(grant: Grant, page: str) -> None:
    with later(grant, 91):
        tend_all()
        signed_in(grant).post(f"{page}/unused", {"kind": "RECEIPTS", "answer": "remove"})
        assert now_of(grant).clusters == ["BALANCES", "FRAUD_ALERTS"]


def test_a_grant_of_which_nothing_is_left_has_expired(grant: Grant) -> None:
    choice = Choice(["BALANCES", "RECEIPTS"], [ACCOUNT], 365, "Fewer")
    give_consent_again(grant_id=grant.pk, account=grant.account, choice=choice, actor=ana(grant))
    for day in (91, 106):
        with later(grant, day):
            tend_all()
    now = now_of(grant)
    assert (now.status, now.end_reason, now.clusters) == ("EXPIRED", "unused", ["BALANCES", "RECEIPTS"])
    assert "the connection has ended" in compose(mails("consents/lapsed")[0]).body


def test_a_pause_is_no_time_of_disuse(grant: Grant) -> None:
    pause_grant(grant_id=grant.pk, actor=ana(grant))
    for day in (91, 106, 130):
        with later(grant, day):
            tend_all()
    assert mails("consents/unused", "consents/confirm") == []


def pause(grant: Grant) -> None:
    pause_grant(grant_id=grant.pk, actor=ana(grant))


def resume(grant: Grant) -> None:
    resume_grant(grant_id=grant.pk, actor=ana(grant))


def test_after_a_pause_disuse_is_judged_two_weeks_later(grant: Grant) -> None:
    pause(grant)
    with later(grant, 95):
        tend_all()
    with later(grant, 100):
        resume(grant)
        confirm(grant)
    told = []
    for day in (100, 105, 110, 113.9, 114.1):
        with later(grant, day):
            tend_all()
        told.append(len(mails("consents/unused")))
    assert told == [0, 0, 0, 0, 1]


def test_a_yes_that_fell_due_in_a_pause_is_asked_for_after_it_once(grant: Grant) -> None:
    pause(grant)
    with later(grant, 89):
        tend_all()
    with later(grant, 92):
        tend_all()
        assert mails("consents/confirm") == []
        resume(grant)
    for day in (92, 93, 120):
        with later(grant, day):
            tend_all()
            tend_all()
    (mail,) = mails("consents/confirm")
    assert "wait now until you confirm" in compose(mail).body


def test_a_yes_that_falls_due_soon_after_a_pause_is_asked_for_on_the_day(grant: Grant) -> None:
    pause(grant)
    with later(grant, 82):
        tend_all()
    with later(grant, 88):
        resume(grant)
    told = []
    for day in (88, 89, 90):
        with later(grant, day):
            tend_all()
        told.append(len(mails("consents/confirm")))
    assert told == [0, 0, 1]


def test_a_grant_that_cannot_be_tended_holds_up_no_other(grant: Grant, world: Any) -> None:
    """Ben's is due first, and what was shown to him cannot be opened."""
    ben, first = world.ben, grant.authorised_at - timedelta(days=1)
    with scope(SYSTEM), transaction.atomic():
        Grant.objects.filter(pk=ben.grant.id).update(tend_at=first)
    with later(grant, 91):
        tend_all()
    with scope(SYSTEM), transaction.atomic():
        destroy_keys(partner_id=grant.partner_id, person_id=ben.person_id)
        Grant.objects.filter(pk=ben.grant.id).update(tend_at=first)
    with later(grant, 106):
        tend_all()
        assert "RECEIPTS" not in now_of(grant).clusters
        assert "RECEIPTS" in now_of(ben.grant).clusters
        assert now_of(ben.grant).tend_again_at > timezone.now()


def test_a_warning_that_fails_is_tried_again_ever_more_rarely_and_told_in_the_end(grant: Grant) -> None:
    """Their chat is open, and where it leads cannot be read for a while."""
    address, metric = bytes(grant.account.address), 'parley_state{what="grants_not_tended"}'
    pauses = []
    with later(grant, 83) as clock:
        change_account(grant, address=b"?", last_inbound_at=timezone.now())
        for _ in range(3):
            assert [tend_all(), tend_all()] == [1, 0]
            pauses.append(now_of(grant).tend_again_at - timezone.now())
            clock.shift(pauses[-1] + timedelta(seconds=1))
        assert [round(one.total_seconds()) for one in pauses] == [60, 120, 240]
        assert f"{metric} 1.0" in Client().get("/metrics").content.decode()
        assert mails("consents/confirm") == []
        change_account(grant, address=address)
        assert [tend_all(), tend_all()] == [1, 0]
        assert len(mails("consents/confirm")) == 1
        assert f"{metric} 0.0" in Client().get("/metrics").content.decode()


def test_what_the_database_refuses_is_raised_and_loses_no_warning(grant: Grant) -> None:
    with later(grant, 83) as clock:
        with bound_contextvars(request_id="longer than the trail has room for" * 2), pytest.raises(DataError):
            tend_all()
        assert mails("consents/confirm") == []
        clock.shift(timedelta(minutes=2))
        tend_all()
        assert len(mails("consents/confirm")) == 1


def test_a_bank_that_has_left_needs_no_yes(grant: Grant, page: str) -> None:
    with scope(SYSTEM), transaction.atomic():
        Partner.objects.filter(pk=grant.partner_id).update(status="SURRENDERED")
        destroy_keys_of(partner_id=grant.partner_id)
    with later(grant, 91):
        assert tend_all() == 1
        assert tend_all() == 0
        assert (mails(), rows(UnusedKind)) == ([], [])
        shown = signed_in(grant).post(f"{page}/reconfirm", follow=True).content.decode()
        assert "Norden Bank has left Parley, so nothing can be confirmed or changed." in shown
        signed_in(grant).post(f"{page}/disconnect")
        assert now_of(grant).status == "REVOKED"


def test_nobody_looks_at_a_grant_before_its_time(grant: Grant) -> None:
    tend_all()
    assert tend_all() == 0
    with CaptureQueriesContext(connection) as found, connection.cursor() as cursor:
        tend_all()
        sql = next(one["sql"] for one in found if "tend_at" in one["sql"])
        with scope(SYSTEM), transaction.atomic():
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute(f"EXPLAIN {sql}")
            assert "consents_grant_tend" in str(cursor.fetchall())


@pytest.fixture
def page(grant: Grant) -> str:
    return f"/me/grants/{public_id('grt', grant.id)}"


def signed_in(grant: Grant) -> Client:
    http = Client()
    http.force_login(grant.person.user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return http
