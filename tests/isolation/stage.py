"""Everybody who could call a route, and everything that could be theirs, made by the real actions."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from allauth.usersessions.models import UserSession
from django.db import transaction
from django.test import Client, TestCase
from django.utils import timezone
from joserfc.jwk import ECKey
from oauth2_provider.models import get_access_token_model

from consents.actions.complain import lodge_complaint
from consents.actions.give import give_consent
from consents.actions.link import ensure_customer, issue_reference, link_account
from consents.actions.requests import ask_for_grant
from consents.models import Grant, Person
from consents.records import Account, Choice
from notifications.actions.templates import approve_template, draft_template, submit_template
from notifications.models import Delivery
from partners.access import member_principal
from partners.actions.agreement_templates import save_agreement_template
from partners.actions.clients import add_client_key, create_client, revoke_client
from partners.actions.customer_sign_in import (
    note_customer_sign_in_check,
    save_customer_sign_in,
    switch_customer_sign_in,
)
from partners.actions.invitations import ask_to_join, invite_member
from partners.actions.partners import add_member
from partners.actions.registration import invite_bank
from partners.actions.senders import configure_sender
from partners.agreement_text import WORDING
from partners.models import (
    AgreementVersion,
    ApiClient,
    ClientSecret,
    Membership,
    Sender,
    VerificationDocument,
    WebhookEndpoint,
)
from portal.accounts.actions import create_person_user, create_user_with_totp
from portal.accounts.models import User
from portal.demo.world import Bank, Staff
from portal.ids import parse_public_id, public_id, uuid7
from portal.tenancy.context import scope
from portal.tenancy.principal import Kind, Principal
from tests.conftest import PASSWORD, make_world

from .matrix import CLIENTS, PEOPLE, ROLES, ROWS, STAFF, TOKENS, Door

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"
SYSTEM = Principal.system()


@contextmanager
def rolled_back() -> Iterator[None]:
    """Whatever happens inside has not happened afterwards."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@dataclass(frozen=True)
class Thing:
    """What the ids in a path (or, where it has no place for one, a query) may name: whose it is, and what of it
    must never be shown to others. An `open` one is for everybody at the door.
    """

    ids: dict[str, str]
    partner: str = ""
    environment: str = ""
    person: str = ""
    is_open: bool = False
    secrets: tuple[str, ...] = ()
    digest: str = ""


@dataclass(frozen=True)
class Customer:
    """What one person is to one bank in one environment."""

    grant: Grant
    account: str
    person: str
    partner: str
    environment: str

    @property
    def client(self) -> str:
        """The client that may send to them."""
        return self.environment if self.partner == "norden" else f"other bank's {self.environment}"


@dataclass
class Stage:
    """Two banks, each live and in its sandbox, their teams and customers, staff, and strangers."""

    world: SimpleNamespace
    users: dict[str, User] = field(default_factory=dict)
    sessions: dict[str, Client] = field(default_factory=dict)
    clients: dict[str, Any] = field(default_factory=dict)
    tokens: dict[tuple[str, frozenset[str]], str] = field(default_factory=dict)
    customers: dict[str, Customer] = field(default_factory=dict)
    things: dict[str, list[Thing]] = field(default_factory=dict)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Hypothesis would print all of it."""
        printer.text("the stage")

    def http(self, who: str) -> Client:
        """Their browser; anybody without a session has a fresh one."""
        return self.sessions.get(who) or Client(raise_request_exception=False)

    def headers(self, who: str, needs: str = "") -> dict[str, str]:
        """A token of just the scope that is needed, of all the client's other scopes, or none."""
        name = who.partition(", without the scope")[0]
        if who in CLIENTS:
            return _bearer(self.token(who, frozenset([needs or "audit:read"])))
        if name in CLIENTS:
            return _bearer(self.token(name, frozenset(self.clients[name].scopes) - {needs}))
        if who == "a made-up token":
            return _bearer("made-up")
        return _bearer(self.token(who, frozenset())) if who in ("revoked", "expired") else {}

    def token(self, client: str, scopes: frozenset[str]) -> str:
        """An access token of exactly these scopes."""
        if (client, scopes) not in self.tokens:
            self.tokens[client, scopes] = fetch_token(self.clients[client], scopes)
        return self.tokens[client, scopes]

    def owns(self, who: str, thing: Thing, door: Door) -> bool:
        """Whether it is, at this door, the person's own or of the bank (a client: and environment) they act for."""
        name = who.partition(", without the scope")[0]
        if thing.is_open or (door is Door.STAFF and who in STAFF):
            return thing.is_open or bool(thing.partner)
        if name in CLIENTS:
            bank = "harbour" if name.startswith("other") else "norden"
            return thing.partner == bank and thing.environment in ("both", name.split(" ")[-1])
        return thing.partner == "norden" if door is Door.MEMBER and who in ROLES else thing.person == who


def fetch_token(client: Any, scopes: frozenset[str]) -> str:
    """From the real endpoint; without scopes, whatever the client has."""
    form = {"grant_type": "client_credentials"} | ({"scope": " ".join(sorted(scopes))} if scopes else {})
    form |= {"client_id": client.client_id, "client_secret": client.client_secret}
    answer = Client().post("/oauth/token", form)
    assert answer.status_code == 200, answer.content
    return answer.json()["access_token"]


def _bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def make_stage() -> Stage:
    """Run it inside `rolled_back`."""
    stage = Stage(make_world())
    world = stage.world
    for prefix, bank in (("", world.bank), ("other bank's ", world.other)):
        stage.clients |= {f"{prefix}{name}": bank.clients[name] for name in ("live", "sandbox")}
    with scope(SYSTEM):
        ApiClient.objects.update(rate_per_second=100_000)
    _make_users(stage)
    _make_dead_tokens(stage)
    for needs in {row.needs for row in ROWS if row.door is Door.API}:
        for who in TOKENS:
            stage.headers(who, needs)
    for name, bank in (("ana", world.bank), ("ben", world.bank), ("charlie", world.other)):
        grant = getattr(world, name).grant
        stage.customers[name] = Customer(grant, f"acc-{name}", name, bank.partner.slug, "live")
    for bank in (world.bank, world.other):
        stage.customers[f"{bank.partner.slug}'s sandbox"] = _sandbox_customer(bank)
    _make_things(stage)
    _make_clients_things(stage)
    return stage


def _make_users(stage: Stage) -> None:
    world, users = stage.world, stage.users
    users |= {name: getattr(world, name).person.user for name in PEOPLE}
    users |= {one.role: one.user for one in world.bank.members}
    users["reviewer"], users["operator"] = world.staff.first.user, world.staff.second.user
    users["member of another bank"] = world.other.members[0].user
    for role in (*ROLES, "deactivated member"):
        if role not in users:
            users[role] = _user(role)
            _join(world.bank, users[role], "owner" if "member" in role else role.split(" ")[0])
    users["auditor"] = _user("auditor", staff_role="auditor")
    _join(world.other, users["analyst here, owner there"], "owner")
    one_step = create_person_user(email="one-step@norden.example", password=PASSWORD, name="One step")
    users["member without a second step"] = one_step
    _join(world.bank, one_step, "owner")
    for name, user in users.items():
        stage.sessions[name] = Client(raise_request_exception=False)
        stage.sessions[name].force_login(user, backend=BACKEND)
        # Some pages want a fresh proof of who it is
        stage.sessions[name].post("/accounts/reauthenticate/", {"password": PASSWORD})
    User.objects.filter(pk=users["deactivated member"].pk).update(is_active=False)


def _user(role: str, **more: str) -> User:
    email = f"{role.translate({32: '.', 44: None})}@norden.example"
    return create_user_with_totp(email=email, password=PASSWORD, name=role, **more)[0]


def _join(bank: Bank, user: User, role: str) -> None:
    add_member(partner_id=bank.partner.id, user=user, role=role, actor=SYSTEM)


def _make_dead_tokens(stage: Stage) -> None:
    """One was in use, and so remembered, a moment before its client was revoked; the other ran out."""
    partner, scopes = stage.world.bank.partner, ["grants:read", "notifications:read", "notify:balances"]
    for name in ("revoked", "expired"):
        made, secret = create_client(
            partner_id=partner.id, name=name, environment="live", scopes=scopes, actor=SYSTEM
        )
        stage.clients[name] = SimpleNamespace(id=made.pk, client_id=made.client_id, client_secret=secret)
        token = stage.token(name, frozenset())
        if name == "revoked":
            assert Client().get("/api/v1/me", headers=_bearer(token)).status_code == 200
            with TestCase.captureOnCommitCallbacks(execute=True):
                revoke_client(client_id=made.pk, actor=SYSTEM)
    tokens = get_access_token_model().objects.filter(application_id=stage.clients["expired"].id)
    assert tokens.update(expires=timezone.now() - timedelta(seconds=1)) == 1


def _sandbox_customer(bank: Bank) -> Customer:
    """Known by the same reference as a live customer, of both banks. Sandbox people have no sign-in."""
    partner = bank.partner
    with scope(SYSTEM):
        person = Person.objects.create()
    sender = configure_sender(
        partner_id=partner.id,
        environment="sandbox",
        channel="messenger",
        external_id="9000",
        name=partner.name,
        secrets=bank.sender_secrets,
        actor=SYSTEM,
    )
    linked = link_account(sender=sender, person_id=person.id, address="9001", actor=SYSTEM)
    customer = ensure_customer(
        partner_id=partner.id, environment="sandbox", person_id=person.id, customer_ref="CUST-1"
    )
    account = f"acc-{partner.slug}-sandbox"
    grant = give_consent(
        customer=customer,
        account=linked,
        choice=Choice(["BALANCES"], [Account(account, "•• 0000", "Current account")], 30, "sandbox"),
        actor=SYSTEM,
    )
    return Customer(grant, account, f"somebody in {partner.slug}'s sandbox", partner.slug, "sandbox")


def _make_things(stage: Stage) -> None:
    """One of each kind for everybody who can have one, and ids that lead nowhere."""
    world, things = stage.world, stage.things
    for one in stage.customers.values():
        grant, sent = public_id("grt", one.grant.id), _send(stage, one)
        whose = {"partner": one.partner, "environment": one.environment, "person": one.person}
        receipt = {"grt": grant, "rcp": public_id("rec", one.grant.record_id)}
        for kind, ids in (("grant", {"grt": grant}), ("notification", {"ntf": sent}), ("receipt", receipt)):
            things.setdefault(kind, []).append(Thing(ids, **whose, secrets=(grant, sent, one.account)))
        failed, task = _send(stage, one), _recover(stage, one)
        for kind, ids in (("failed notification", {"ntf": failed}), ("task", {"tsk": task})):
            things.setdefault(kind, []).append(Thing(ids, **whose, secrets=tuple(ids.values())))
    with scope(SYSTEM):
        ids = [parse_public_id("ntf", one.ids["ntf"]) for one in things["failed notification"]]
        Delivery.objects.filter(notification_id__in=ids).update(status="FAILED", ended_at=timezone.now())
        deliveries = dict(Delivery.objects.values_list("notification_id", "id"))
    for one in things["notification"]:
        dlv = public_id("dlv", deliveries[parse_public_id("ntf", one.ids["ntf"])])
        things.setdefault("message", []).append(replace(one, ids={"dlv": dlv}, secrets=(*one.secrets, dlv)))
    for kind, name in (
        ("grant", "grt"),
        ("notification", "ntf"),
        ("failed notification", "ntf"),
        ("task", "tsk"),
        ("message", "dlv"),
    ):
        things[kind] += [Thing({name: text}) for text in nowhere(name, things[kind][0].ids[name])]
    ids = things["receipt"][0].ids
    things["receipt"] += [Thing({**ids, "rcp": text}) for text in ("end", *nowhere("rec", ids["rcp"]))]
    for name in ("ana", "charlie"):
        story, user = stage.customers[name], stage.users[name]
        actor = Principal(Kind.PERSON, id=user.pk, person_id=story.grant.person_id)
        cmp = public_id("cmp", lodge_complaint(about_id=story.grant.partner_id, text="Late.", actor=actor).id)
        # At the staff's door it counts as the bank's that it is about
        whose = {"partner": story.partner, "person": name}
        things.setdefault("complaint", []).append(Thing({"cmp": cmp}, **whose, secrets=(cmp,)))
    things["complaint"] += [
        Thing({"cmp": text}) for text in nowhere("cmp", things["complaint"][0].ids["cmp"])
    ]
    # By the bank's own reference: whoever asks is asking for one of their own
    things["test customer"] = [Thing({"customer_ref": "CUST-1"}, is_open=True)]
    things["test customer"] += [Thing({"customer_ref": text}) for text in ("CUST-2", "nobody's", "x" * 129)]
    things["sender"] = [
        Thing({"sender_id": str(bank.sender.id)}, is_open=True) for bank in (world.bank, world.other)
    ]
    things["sender"].append(Thing({"sender_id": str(uuid7())}))
    stories = {"ana": world.ana, "charlie": world.charlie}
    for name, story in stories.items():
        lac = public_id("lac", story.grant.account_id)
        things.setdefault("linked chat", []).append(Thing({"lac": lac}, person=name, secrets=(lac,)))
    things["linked chat"] += [Thing({"lac": text}) for text in nowhere("lac", lac)]
    things["link"] = [_link(world.bank.sender, story.person_id, name) for name, story in stories.items()]
    things["link"].append(_link(world.bank.sender, None, ""))
    _make_requests(stage)
    _make_customer_sign_ins(stage)
    _make_endpoints(stage)
    _make_team_things(stage)
    _make_agreement_things(stage)
    _make_documents(stage)
    _make_templates(stage)


def _make_requests(stage: Stage) -> None:
    """A bank's question to each of its customers, who have opened it."""
    found = stage.things.setdefault("grant request", [])
    for one in stage.customers.values():
        grant = one.grant
        asked = ask_for_grant(
            partner_id=grant.partner_id,
            environment=grant.environment,
            way="bank",
            customer_ref="CUST-2" if one.person == "ben" else "CUST-1",
            clusters=["BALANCES"],
            accounts=[Account(f"{one.account}-2", "•• 0002", "Savings account")],
            duration_days=90,
            redirect_uri=f"https://{one.partner}.example/back",
            state="s-1",
            locale="",
            person_id=grant.person_id,
        )
        req = public_id("req", asked.id)
        whose = {"partner": one.partner, "environment": one.environment, "person": one.person}
        found.append(Thing({"req": req}, **whose, secrets=(req, f"{one.account}-2")))
    found += [Thing({"req": text}) for text in nowhere("req", found[0].ids["req"])]


def _make_templates(stage: Stage) -> None:
    """A template of each bank with a version in every state, in one language each."""
    things = stage.things
    for bank in (stage.world.bank, stage.world.other):
        slug, versions = bank.partner.slug, _versions(bank, stage.world.staff)
        whose = {"partner": slug, "environment": "both"}
        name = f"{slug}_words"
        tpl = public_id("tpl", versions["draft"].template_id)
        things.setdefault("template by name", []).append(Thing({"name": name}, **whose, secrets=(tpl,)))
        things.setdefault("template", []).append(Thing({"tpl": tpl}, **whose, secrets=(tpl,)))
        for kind, version in versions.items():
            tpv = public_id("tpv", version.id)
            things.setdefault(kind, []).append(
                Thing({"tpv": tpv}, **whose, secrets=(tpv,), digest=version.digest)
            )
    things["template by name"] += [Thing({"name": text}) for text in ("nobodys_words", "%00", "x" * 61)]
    things["template"] += [Thing({"tpl": text}) for text in nowhere("tpl", things["template"][0].ids["tpl"])]
    for kind in ("draft", "submitted wording", "approved wording"):
        things[kind] += [Thing({"tpv": text}) for text in nowhere("tpv", things[kind][0].ids["tpv"])]


def _versions(bank: Bank, staff: Staff) -> dict[str, Any]:
    acting, name = _owner(bank), f"{bank.partner.slug}_words"
    body = "You have {{ available }} on {{ account }} now."
    found = {
        kind: draft_template(name=name, cluster="BALANCES", locale=locale, body=body, actor=acting)
        for kind, locale in (("draft", "en"), ("submitted wording", "de"), ("approved wording", "fr"))
    }
    for kind in ("submitted wording", "approved wording"):
        found[kind] = submit_template(version_id=found[kind].id, actor=acting)
    version_id = found["approved wording"].id
    found["approved wording"] = approve_template(version_id=version_id, actor=staff.reviewer)
    return found


def _owner(bank: Bank) -> Principal:
    return member_principal(bank.members[0].user, bank.partner.slug)[0]


def _make_customer_sign_ins(stage: Stage) -> None:
    """Each bank's, for everybody to begin with. Their providers are where nothing can be reached."""
    found = []
    for bank in (stage.world.bank, stage.world.other):
        whose: dict[str, Any] = {"partner_id": bank.partner.id, "environment": "live", "actor": SYSTEM}
        save_customer_sign_in(
            **whose, issuer="https://10.0.0.1", client_id="parley", secret="secret", scopes="openid",
            customer_ref_claim="sub", accounts_claim="accounts",
        )  # fmt: skip
        host = f"login.{bank.partner.domain}"
        note_customer_sign_in_check(**whose, issuer="https://10.0.0.1", findings=[], host=host)
        csi = switch_customer_sign_in(**whose, is_on=True).id
        found.append(Thing({"csi": public_id("csi", csi)}, is_open=True))
    found += [Thing({"csi": text}) for text in nowhere("csi", found[0].ids["csi"])]
    stage.things["customer sign-in"] = found


def _make_endpoints(stage: Stage) -> None:
    """One of each client's, with the challenge that it was sent."""
    found = {name: _endpoint(stage, name) for name in CLIENTS}
    endpoints: list[Thing] = stage.things.setdefault("endpoint", [])
    deliveries: list[Thing] = stage.things.setdefault("webhook delivery", [])
    for name, ids in found.items():
        whose = {
            "partner": "harbour" if name.startswith("other") else "norden",
            "environment": name.split(" ")[-1],
        }
        endpoints.append(Thing({"whk": ids["whk"]}, **whose, secrets=(ids["whk"],)))
        deliveries.append(Thing(ids, **whose, secrets=(ids["dlv"],)))
    live = found["live"]
    endpoints += [Thing({"whk": text}) for text in nowhere("whk", live["whk"])]
    deliveries += [Thing({**live, "dlv": text}) for text in nowhere("dlv", live["dlv"])]
    for other in ("sandbox", "other bank's live"):
        deliveries += [
            Thing({**live, "dlv": found[other]["dlv"]}),
            Thing({**found[other], "dlv": live["dlv"]}),
        ]


def _endpoint(stage: Stage, client: str) -> dict[str, str]:
    """As if it had answered its challenge."""
    api, headers = Client(), stage.headers(client, "webhooks:write")
    url = {"url": f"https://hooks.{client.translate({32: '-', 39: None})}.example/"}
    made = api.post("/api/v1/webhook-endpoints", url, "application/json", headers=headers)
    assert made.status_code == 201, made.content
    whk = made.json()["id"]
    with scope(SYSTEM):
        WebhookEndpoint.objects.filter(pk=parse_public_id("whk", whk)).update(verified_at=timezone.now())
    sent = api.get(f"/api/v1/webhook-endpoints/{whk}/deliveries", headers=headers).json()["data"]
    return {"whk": whk, "dlv": sent[0]["id"]}


def _make_team_things(stage: Stage) -> None:
    """Of both banks: a member, somebody invited, somebody who asks to join, and a bank's letter; and sessions."""
    things, world = stage.things, stage.world
    for bank, person in ((world.bank, "ana"), (world.other, "charlie")):
        slug, partner_id = bank.partner.slug, bank.partner.id
        email = f"invited@{slug}.example"
        invitation = invite_member(
            partner_id=partner_id, email=email, role="analyst",
            actor=Principal(Kind.MEMBER, bank.members[0].user.pk, partner_id),
        )  # fmt: skip
        letter = invite_bank(email=email, bank_name=slug, words="", actor=world.staff.reviewer)
        asked = ask_to_join(partner_id=partner_id, user=stage.users["ben"])
        role = "developer" if bank is world.bank else "owner"
        with scope(SYSTEM):
            member = Membership.objects.filter(partner_id=partner_id, role=role).latest("id")
        for kind, prefix, row, secrets in (
            ("invitation", "inv", invitation, (email,)),
            ("bank invitation", "biv", letter, ()),
            ("join request", "joi", asked, ()),
            ("member", "mem", member, ()),
        ):
            found = Thing({prefix: public_id(prefix, row.pk)}, partner=slug, secrets=secrets)
            things.setdefault(kind, []).append(found)
        user = stage.users[person]
        session = UserSession.objects.create(user=user, ip="203.0.113.9", session_key=f"{person}, elsewhere")
        things.setdefault("session", []).append(Thing({"session": str(session.pk)}, person=person))
    for kind, name in (
        ("invitation", "inv"),
        ("bank invitation", "biv"),
        ("join request", "joi"),
        ("member", "mem"),
    ):
        things[kind] += [Thing({name: text}) for text in nowhere(name, things[kind][0].ids[name])]
    things["session"].append(Thing({"session": "0"}))


def _make_agreement_things(stage: Stage) -> None:
    """Each bank's version in force; a template, which every member of staff may open."""
    world, things = stage.world, stage.things
    with scope(SYSTEM):
        versions = {one.partner_id: one for one in AgreementVersion.objects.all()}
    template = save_agreement_template(
        name="Standard", clauses=WORDING, terms={}, based_on=0, actor=world.staff.reviewer
    )
    made = {"agreement version": [], "bank": [], "agreement template": []}
    for bank in (world.bank, world.other):
        whose, agv = {"partner": bank.partner.slug}, public_id("agv", versions[bank.partner.id].id)
        secrets = (agv, versions[bank.partner.id].text_sha256)
        made["agreement version"].append(Thing({"agv": agv}, **whose, secrets=secrets))
        made["bank"].append(Thing({"ptn": public_id("ptn", bank.partner.id)}, **whose))
    made["agreement template"].append(Thing({"agt": public_id("agt", template.id)}, is_open=True))
    for kind, name in (("agreement version", "agv"), ("bank", "ptn"), ("agreement template", "agt")):
        made[kind] += [Thing({name: text}) for text in nowhere(name, made[kind][0].ids[name])]
    things |= made


def _make_documents(stage: Stage) -> None:
    """What each bank was verified with; a case is found by its bank, so there the bank is one of the ids."""
    things = stage.things
    for bank in (stage.world.bank, stage.world.other):
        slug = bank.partner.slug
        with scope(SYSTEM):
            doc = public_id("doc", VerificationDocument.objects.get(partner=bank.partner).id)
        for kind, ids in (("document", {"doc": doc}), ("case's document", {"doc": doc, "slug": slug})):
            things.setdefault(kind, []).append(Thing(ids, partner=slug, secrets=(doc,)))
    for kind in ("document", "case's document"):
        ids = things[kind][0].ids
        things[kind] += [Thing({**ids, "doc": text}) for text in nowhere("doc", ids["doc"])]
    elsewhere = things["case's document"][1].ids["doc"]
    things["case's document"].append(Thing({"slug": "norden", "doc": elsewhere}))


def _make_clients_things(stage: Stage) -> None:
    """For the members' pages: clients, a secret and a key of each, and senders."""
    things = stage.things
    for bank in (stage.world.bank, stage.world.other):
        whose = {"partner": bank.partner.slug, "environment": "live"}
        cli = public_id("cli", bank.clients["live"].id)
        pem = ECKey.generate_key("P-256").as_pem(private=False).decode()
        key = add_client_key(client_id=bank.clients["live"].id, public_key=pem, actor=SYSTEM)
        with scope(SYSTEM):
            secret = ClientSecret.objects.get(client_id=bank.clients["live"].id)
        for kind, ids in (
            ("client", {"cli": cli}),
            ("client secret", {"cli": cli, "secret": public_id("sec", secret.pk)}),
            ("client key", {"cli": cli, "key": public_id("key", key.pk)}),
            ("member's sender", {"snd": public_id("snd", bank.sender.id)}),
        ):
            things.setdefault(kind, []).append(Thing(ids, **whose))
    for kind, name, prefix in (
        ("client", "cli", "cli"),
        ("client secret", "secret", "sec"),
        ("client key", "key", "key"),
        ("member's sender", "snd", "snd"),
    ):
        ids = things[kind][0].ids
        things[kind] += [Thing({**ids, name: text}) for text in nowhere(prefix, ids[name])]


def nowhere(prefix: str, real: str) -> list[str]:
    """Nobody's id, and texts that are none."""
    return [public_id(prefix, uuid7()), real.upper(), real.partition("_")[2], "%00"]


def _link(sender: Sender, person_id: UUID | None, name: str) -> Thing:
    """Where a person sees what became of their link; without a person, of none there is."""
    link = issue_reference(sender=sender, person_id=person_id)[0].id if person_id else uuid7()
    return Thing({"sender_id": str(sender.id), "link": public_id("lnk", link)}, person=name)


def _send(stage: Stage, one: Customer) -> str:
    headers = stage.headers(one.client, "notify:balances")
    body = {"grant_id": public_id("grt", one.grant.id), "template": "balance_update", "data": balance(one)}
    answer = Client().post("/api/v1/notifications", body, "application/json", headers=headers)
    assert answer.status_code == 202, answer.content
    return answer.json()["id"]


def _recover(stage: Stage, one: Customer) -> str:
    headers, since = stage.headers(one.client, "notify:balances"), "2026-11-23T00:00:00Z"
    answer = Client().post(
        "/api/v1/notifications/recover", {"since": since}, "application/json", headers=headers
    )
    assert answer.status_code == 202, answer.content
    return answer.json()["id"]


def balance(one: Customer) -> dict[str, Any]:
    """Typed data for one of their accounts."""
    amount = {"value": "12.50", "currency": "USD"}
    return {"account": one.account, "available": amount, "as_of": "2026-11-23T09:30:00Z"}
