"""Stopping, as it is measured: at once here, confirmed by the bank or not, and somebody is told when it is not."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction
from django.db.models import F
from django.test import Client
from django.utils import timezone

from consents.actions.narrow import take_out
from consents.actions.stop import end_grant
from consents.actions.watch_stops import watch_stops
from consents.models import Grant, GrantRequest, GrantStop
from consents.records import Account
from notifications.models import Delivery
from partners.access import member_principal
from partners.actions.webhooks import add_endpoint
from partners.models import WebhookMessage
from partners.webhooks.engine import deliver_due
from portal.audit.codes import Code
from portal.audit.models import AuditEvent
from portal.audit.record import record
from portal.demo.world import make_customer
from portal.ids import public_id
from portal.mail.models import Mail
from portal.mail.outbox import compose
from portal.vault.crypto import blind_index
from tests.bank_site import BankSite, set_up
from tests.consents.asking import Asked, newcomer
from tests.notifications.conftest import Api
from tests.partners.agreements.conftest import SYSTEM, Browser, as_system, text_of
from tests.partners.webhooks.conftest import Server, answer, let_time_pass, server

__all__ = ["server"]
HTMX = {"HX-Request": "true"}


@pytest.fixture
def ana(world: SimpleNamespace) -> Browser:
    return Browser(world.ana.person.user)


@pytest.fixture
def operator(world: SimpleNamespace) -> Browser:
    return Browser(world.staff.second.user)


@pytest.fixture
def api(world: SimpleNamespace) -> Api:
    return Api(world.bank.clients["live"])


@pytest.fixture
def listening(world: SimpleNamespace, server: Server, settings: Any) -> Server:
    """Norden's own server, which has answered its challenge."""
    settings.OUTBOUND_ALLOW_LOOPBACK = True
    listen(world, server.url())
    tell_bank()
    return server


def listen(world: SimpleNamespace, url: str) -> None:
    """Without a URL it is an inbox on our pages."""
    with transaction.atomic():
        owner, _ = member_principal(world.bank.members[0].user, "norden")
    add_endpoint(partner_id=world.bank.partner.id, environment="live", actor=owner, url=url)


def tell_bank() -> None:
    """What the worker does."""
    let_time_pass()
    deliver_due()


def page(story: Any, more: str = "") -> str:
    return f"/me/grants/{public_id('grt', story.grant.id)}{more}"


def disconnect(http: Client, story: Any) -> str:
    return text_of(http.post(page(story, "/disconnect"), follow=True))


def stops() -> list[GrantStop]:
    with as_system():
        return list(GrantStop.objects.order_by("id"))


def pass_seconds(seconds: float) -> None:
    """All stops are so much older."""
    ago = timedelta(seconds=seconds)
    with as_system():
        GrantStop.objects.update(stopped_at=F("stopped_at") - ago, look_at=F("look_at") - ago)


def ask(bank: Any, *, person_id: Any = None, ref_of: str = "") -> Any:
    """The bank waits for somebody's answer: of whoever opened it, or for one of its customers."""
    with as_system():
        index = blind_index("customer_ref", bank.partner.id, ref_of)
        return GrantRequest.objects.create(
            partner=bank.partner, environment="live", way="bank", person_id=person_id, ref_index=index,
            clusters=["BALANCES"], duration_days=30, expires_at=timezone.now() + timedelta(minutes=15),
        ).id  # fmt: skip


@contextmanager
def held(grant_id: Any) -> Iterator[None]:
    """Another transaction has the grant."""
    other = psycopg.connect(**connection.get_connection_params())
    other.execute("SELECT set_config('role', 'parley_worker', false)")
    other.execute("SELECT 1 FROM consents_grant WHERE id = %s FOR UPDATE", [grant_id])
    yield
    other.close()


def connect_harbour(world: SimpleNamespace) -> Any:
    """Ana's second bank."""
    return make_customer(
        world.other, customer_ref="H-1", address="3009", clusters=["SHIPMENTS"], person=world.ana.person,
        accounts=[Account("acc-ana-h", "•• 0917", "Savings account")],
    )  # fmt: skip


def test_the_person_sees_when_it_was_stopped_and_when_the_bank_confirmed(
    ana: Browser, world: SimpleNamespace, listening: Server
) -> None:
    before = timezone.now()
    shown = disconnect(ana, world.ana)
    [stop] = stops()
    assert before <= stop.stopped_at <= timezone.now()
    here = f"Stopped here {stop.stopped_at:%H:%M:%S} UTC · Norden Bank"
    assert f"{here} has not confirmed yet It can send you nothing all the same." in shown
    assert ana.get(page(world.ana, "/stop")).status_code == 204
    tell_bank()
    [call] = [one for one in listening.at() if one.json["type"] == "grant.revoked"]
    shown = text_of(ana.get(page(world.ana, "/stop")))
    assert shown.startswith(f"{here} confirmed ")
    assert watch_stops() == 0, "not looked at before its time"
    pass_seconds(5)
    assert watch_stops() == 0
    [stop] = stops()
    assert stop.confirmed_at >= stop.stopped_at
    assert (stop.look_at, stop.alerted_at) == (None, None)
    with as_system():
        assert WebhookMessage.objects.filter(pk=stop.message_id).exists()
        with connection.cursor() as cursor:  # as after thirty days
            cursor.execute("DELETE FROM partners_webhookattempt")
            cursor.execute("DELETE FROM partners_webhookdelivery")
    there = f"confirmed {stop.confirmed_at:%H:%M:%S} UTC"
    assert there in text_of(ana.get(page(world.ana)))
    assert there in text_of(ana.get("/me/"))
    assert call.json["data"]["status"] == "REVOKED"


def test_a_pause_is_measured_too_and_a_new_stop_takes_its_place(
    ana: Browser, world: SimpleNamespace, listening: Server
) -> None:
    assert "has not confirmed yet" in text_of(ana.post(page(world.ana, "/pause"), follow=True))
    tell_bank()
    assert "Norden Bank confirmed" in text_of(ana.get(page(world.ana)))
    assert "Stopped here" not in text_of(ana.post(page(world.ana, "/resume"), follow=True))
    assert "has not confirmed yet" in disconnect(ana, world.ana)
    assert [one.event for one in stops()] == ["grant.paused", "grant.revoked"]


@pytest.mark.parametrize("has_inbox", [False, True])
def test_a_bank_without_an_address_is_not_said_to_be_told(
    ana: Browser, world: SimpleNamespace, has_inbox: bool
) -> None:
    if has_inbox:
        listen(world, "")
    shown = disconnect(ana, world.ana)
    assert "Norden Bank has no address to be told at, so it knows only once it asks" in shown
    assert "It can send you nothing all the same." in shown


@pytest.mark.parametrize("has_inbox", [False, True])
def test_a_bank_without_an_address_is_brought_to_the_operators_until_it_has_one(
    ana: Browser, operator: Browser, world: SimpleNamespace, server: Server, settings: Any, has_inbox: bool
) -> None:
    if has_inbox:
        listen(world, "")
    disconnect(ana, world.ana)
    pass_seconds(59)
    assert watch_stops() == 0
    pass_seconds(2)
    assert watch_stops() == 1
    pass_seconds(60)
    assert watch_stops() == 0, "each once"
    with as_system():
        assert AuditEvent.objects.filter(code="consent.stop_unconfirmed").count() == 1
        [mail] = Mail.objects.filter(template="consents/stop_unconfirmed")
    assert "It has no address to be told at." in compose(mail).body
    shown = text_of(operator.get("/staff/stops"))
    assert "Norden Bank 1 " in shown
    assert " 0 The bank has no address to be told at " in shown
    settings.OUTBOUND_ALLOW_LOOPBACK = True
    listen(world, server.url())
    tell_bank()
    pass_seconds(3600)
    assert watch_stops() == 0
    assert "Every bank knows" in text_of(operator.get("/staff/stops"))
    [stop] = stops()
    assert (stop.message_id, stop.look_at, stop.confirmed_at) == (None, None, None)


def test_what_the_bank_ended_it_need_not_confirm(
    ana: Browser, api: Api, world: SimpleNamespace, listening: Server
) -> None:
    grant = public_id("grt", world.ana.grant.id)
    assert api.post(f"/grants/{grant}/revoke", {"reason": "closed"}).status_code == 200
    assert "Norden Bank stopped it itself, " in text_of(ana.get(page(world.ana)))
    pass_seconds(61)
    assert watch_stops() == 0


def test_a_bank_that_is_silent_for_a_minute_is_brought_to_the_operators(
    ana: Browser, operator: Browser, world: SimpleNamespace, listening: Server
) -> None:
    listening.behaviours["/hook"] = answer(503)
    disconnect(ana, world.ana)
    tell_bank()
    pass_seconds(59)
    assert watch_stops() == 0
    assert "Every bank knows" in text_of(operator.get("/staff/stops"))
    pass_seconds(2)
    assert watch_stops() == 1
    pass_seconds(60)
    assert watch_stops() == 0, "each once"
    disconnect(Browser(world.ben.person.user), world.ben)
    pass_seconds(61)
    assert watch_stops() == 1
    with as_system():
        events = AuditEvent.objects.filter(code="consent.stop_unconfirmed")
        assert {one.target_id for one in events} == {world.ana.grant.id, world.ben.grant.id}
        [mail] = Mail.objects.filter(template="consents/stop_unconfirmed")
    assert mail.to == world.staff.second.user.email
    sent = compose(mail)
    assert sent.subject == "Norden Bank has not confirmed a stop"
    assert "1 stop, 60 seconds after it was made." in sent.body
    shown = text_of(operator.get("/staff/stops"))
    assert "Norden Bank 2 " in shown
    assert " 1 HTTP 503 " in shown
    assert 'what="stops_unconfirmed"} 2.0' in Client().get("/metrics").content.decode()
    pass_seconds(3600)
    with as_system():
        GrantStop.objects.update(mailed_at=F("mailed_at") - timedelta(hours=1), alerted_at=None)
    assert watch_stops() == 2
    with as_system():
        assert Mail.objects.filter(template="consents/stop_unconfirmed").count() == 2, "again an hour later"


def test_staff_see_how_long_each_bank_takes(
    ana: Browser, operator: Browser, world: SimpleNamespace, listening: Server
) -> None:
    disconnect(ana, world.ana)
    disconnect(Browser(world.ben.person.user), world.ben)
    disconnect(Browser(world.charlie.person.user), world.charlie)
    with as_system():
        for stop, seconds in zip(stops(), (2, 4, None), strict=True):
            later = stop.stopped_at + timedelta(seconds=seconds) if seconds else None
            GrantStop.objects.filter(pk=stop.pk).update(confirmed_at=later)
    shown = text_of(operator.get("/staff/stops"))
    assert "Harbour 1 0 1 – –" in shown
    assert "Norden Bank 2 2 0 3.0 s 3.9 s" in shown
    metrics = Client().get("/metrics").content.decode()
    assert 'parley_stop_confirmation_seconds{quantile="0.5"} 3.0' in metrics


def test_what_is_with_the_messenger_is_counted_honestly(
    ana: Browser, api: Api, world: SimpleNamespace
) -> None:
    ids = [api.send().json()["id"] for _ in range(4)]
    with as_system():
        sent, arrived, old = Delivery.objects.order_by("id")[:3]
        Delivery.objects.filter(pk=sent.pk).update(status="SENT", sent_at=timezone.now())
        Delivery.objects.filter(pk=arrived.pk).update(status="DELIVERED", sent_at=timezone.now())
        Delivery.objects.filter(pk=old.pk).update(status="SENT", sent_at=timezone.now() - timedelta(hours=2))
    shown = text_of(ana.get(page(world.ana, "/disconnect")))
    assert "1 message waits to be sent: it is not sent." in shown
    assert "1 message has just been handed to Messenger and may still arrive." in shown
    shown = disconnect(ana, world.ana)
    assert "1 message that waited was withdrawn." in shown
    assert "1 message had just been handed to the messenger and may still arrive." in shown
    statuses = [api.get(f"/notifications/{one}").json()["status"] for one in ids]
    assert statuses == ["SENT", "DELIVERED", "SENT", "WITHDRAWN"]


def test_one_button_stops_every_bank(ana: Browser, api: Api, world: SimpleNamespace) -> None:
    connect_harbour(world)
    asked = [ask(world.bank, person_id=world.ana.person_id), ask(world.bank, ref_of="CUST-1")]
    others = [ask(world.bank, ref_of="CUST-2"), ask(world.other, ref_of="CUST-1")]
    api.send()
    assert "Stop everything" in text_of(ana.get("/me/"))
    shown = text_of(ana.get("/me/stop-everything"))
    assert "These 2 banks can send you nothing more through Parley, at once: Norden Bank Harbour" in shown
    assert "1 message waits to be sent: it is not sent." in shown
    assert api.send().status_code == 202, "looking changes nothing"
    shown = text_of(ana.post("/me/stop-everything", follow=True))
    assert "Nothing can be sent to you" in shown
    assert shown.count("Stopped here") == 2
    assert "2 messages that waited were withdrawn." in shown
    with as_system():
        left = Grant.objects.filter(status="ACTIVE").values_list("id", flat=True)
        assert {*left} == {world.ben.grant.id, world.charlie.grant.id}
        states = dict(GrantRequest.objects.values_list("id", "status"))
    assert [states[one] for one in asked] == ["REJECTED", "REJECTED"]
    assert [states[one] for one in others] == ["PENDING", "PENDING"]
    assert api.send().json()["code"] == "no_active_grant"
    with as_system():
        codes = AuditEvent.objects.filter(person_id=world.ana.person_id).values_list("code", flat=True)
        assert [*codes].count("grant_request.declined") == 2
    assert "Nothing can be sent to you" in text_of(ana.post("/me/stop-everything", follow=True))
    assert Client().post("/me/stop-everything").status_code == 302


@pytest.mark.parametrize("is_by_person", [True, False])
def test_a_question_that_waits_does_not_outlive_a_stop(
    ana: Browser, api: Api, world: SimpleNamespace, is_by_person: bool
) -> None:
    asked = Asked(api, world.ana.person, customer_ref="CUST-1")
    others = [ask(world.bank, ref_of="CUST-2"), ask(world.other, person_id=world.ana.person_id)]
    shown = asked.open()
    if is_by_person:
        disconnect(ana, world.ana)
    else:
        end_grant(grant_id=world.ana.grant.id, actor=SYSTEM, reason="test", to="EXPIRED")
    assert asked.state["status"] == ("REJECTED" if is_by_person else "PENDING")
    asked.answer(page=shown)
    asked.answer()
    with as_system():
        assert Grant.objects.filter(person_id=world.ana.person_id).count() == (1 if is_by_person else 2)
        assert {*GrantRequest.objects.filter(pk__in=others).values_list("status", flat=True)} == {"PENDING"}


def test_without_a_bank_there_is_nothing_to_stop(ana: Browser, world: SimpleNamespace) -> None:
    end_grant(grant_id=world.ana.grant.id, actor=SYSTEM, reason="test", to="INVALIDATED")
    pass_seconds(1)
    with as_system():
        Grant.objects.update(ended_at=timezone.now() - timedelta(days=2))
    assert "there is nothing to stop" in text_of(ana.get("/me/stop-everything"))
    assert "Stop everything" not in text_of(ana.get("/me/"))
    assert "Link a chat" in text_of(ana.get("/me/"))


def test_one_that_cannot_be_stopped_now_keeps_no_other_alive(committed_world: SimpleNamespace) -> None:
    """Another transaction holds the first grant longer than ours waits; the second is stopped all the same."""
    world = committed_world
    connect_harbour(world)
    http = Browser(world.ana.person.user)
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '200ms'")
    with held(world.ana.grant.id):
        shown = text_of(http.post("/me/stop-everything", follow=True))
    assert "Stop everything?" in shown
    assert "This bank can send you nothing more through Parley, at once: Norden Bank" in shown
    assert "Harbour Disconnected Stopped here" in shown
    assert "Nothing can be sent to you" in text_of(http.post("/me/stop-everything", follow=True))


def test_the_banks_history_tells_all_that_was_decided(ana: Browser, api: Api, world: SimpleNamespace) -> None:
    for step in ("pause", "resume", "reconfirm"):
        ana.post(page(world.ana, f"/{step}"))
    with as_system():
        grant = Grant.objects.get(pk=world.ana.grant.id)
        about = {"partner_id": grant.partner_id, "person_id": grant.person_id}
        without = take_out(grant, {"RECEIPTS"}, None)
        record(Code.CONSENT_LAPSED, actor=SYSTEM, target=grant, data=without, **about)
    ana.post(page(world.ana, "/disconnect"))
    grant = api.get(f"/grants/{public_id('grt', world.ana.grant.id)}").json()
    told = [one["event"] for one in grant["history"]]
    assert told == ["ConsentGiven", "Paused", "Resumed", "Reconfirmed", "Amended", "ConsentWithdrawn"]
    had = [{*one["clusters"]} for one in grant["history"]]
    assert had == [{"BALANCES", "FRAUD_ALERTS", "RECEIPTS"}] * 4 + [{"BALANCES", "FRAUD_ALERTS"}] * 2
    assert [one["at"] for one in grant["history"]] == sorted(one["at"] for one in grant["history"])
    (listed,) = api.get("/grants?customer_ref=CUST-1").json()["data"]
    assert listed["history"] == grant["history"]
    ben = f"/grants/{public_id('grt', world.ben.grant.id)}"
    assert (
        api.post(f"{ben}/revoke", {"reason": "closed"}).json()["history"][-1]["event"] == "ConsentTerminated"
    )


def test_no_way_of_stopping_takes_more_steps_than_any_way_of_allowing(
    ana: Browser, api: Api, world: SimpleNamespace, site: BankSite
) -> None:
    """What somebody has to press, write or choose, from the list of banks on; each stands on the page before."""
    api.send()
    sign_in = f"/me/banks/{public_id('csi', set_up(world.bank, site).id)}"
    mine, zoe = page(world.ana), newcomer(world).person
    http = Browser(zoe.user)

    def question(shown: str) -> list[str]:
        assert "checked" not in shown
        return [*re.findall(r'<fieldset id="(\w+)"', shown), *press(shown, "Allow")]

    def from_sign_in_on() -> list[str]:
        steps = leads(http.get(sign_in), "Go to 127.0.0.1", f"{sign_in}/go")
        there = http.get(f"{sign_in}/go")["Location"]
        steps += press(site.http.get(there).text, "Customer CUST-9")
        asked = http.get(site.sign_in(there, "CUST-9"))["Location"]
        return [*steps, *question(http.get(asked).content.decode())]

    linked = http.get(f"/me/link/{world.bank.sender.id}/linked")
    allowing = {
        "asked": question(Asked(api, zoe).open().content.decode()),
        "directory": [
            *leads(http.get("/me/"), "Connect a bank", "/me/banks"),
            *leads(http.get("/me/banks"), "Norden Bank", sign_in),
            *from_sign_in_on(),
        ],
        "chat": ["Log in", "Link", *leads(linked, "Choose what it may send", sign_in), *from_sign_in_on()],
    }
    stopping = {
        "list": [
            *leads(ana.get("/me/"), "Disconnect", f"{mine}/disconnect"),
            *sure(ana, f"{mine}/disconnect"),
        ],
        "message": [
            *leads(ana.get("/me/"), "Norden Bank", mine),
            *leads(ana.get(mine), "Disconnect", f"{mine}/disconnect"),
            *sure(ana, f"{mine}/disconnect"),
        ],
        "everything": [
            *leads(ana.get("/me/"), "Stop everything", "/me/stop-everything"),
            *sure(ana, "/me/stop-everything"),
        ],
        "chat": ["STOP"],
    }
    assert {way: len(steps) for way, steps in stopping.items()} == {
        "list": 2, "message": 3, "everything": 2, "chat": 1,
    }  # fmt: skip
    assert max(map(len, stopping.values())) < min(map(len, allowing.values())), (stopping, allowing)


def leads(shown: Any, words: str, where: str) -> list[str]:
    """A link of a page, by its first words, and where it has to lead."""
    assert re.search(rf'<a [^>]*href="{re.escape(where)}"[^>]*>\s*{words}', shown.content.decode()), words
    return [words]


def press(shown: str, words: str) -> list[str]:
    """A button of a page."""
    assert re.search(rf"<button[^>]*>\s*{words}", shown), words
    return [words]


def sure(http: Client, path: str) -> list[str]:
    """The one button that makes it so: nothing else is asked for."""
    shown = http.get(path).content.decode().partition("<main")[2].partition("</main>")[0]
    assert not re.search("<(fieldset|select|textarea)|<input(?! type=.hidden)", shown)
    return re.findall(r'<button class="button danger">(.*)</button>', shown)
