"""Banks, customers and grants, made through the same actions that the pages and the API use.

The demo's story and the tests share it: nothing here writes a row by itself.
"""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import transaction

from consents.actions.give import give_consent
from consents.actions.link import ensure_customer, link_account
from consents.disclosure import Chosen, disclose
from consents.models import Grant, Person
from consents.records import Account, Choice
from notifications.actions.templates import approve_template, draft_template, submit_template
from partners.access import member_principal
from partners.actions.agreements import (
    Signing,
    Terms,
    accept_agreement,
    countersign_agreement,
    offer_agreement,
    put_agreement_in_force,
)
from partners.actions.clients import create_client
from partners.actions.partners import add_member, register_partner
from partners.actions.production import enable_production
from partners.actions.senders import configure_sender
from partners.clusters import ALL_SCOPES, OTHER_SCOPES, SENDABLE, Cluster
from partners.models import AgreementVersion, Membership, Partner, Sender
from portal.accounts.actions import create_person_user, create_user_with_totp
from portal.accounts.models import User
from portal.demo.verification import verify_bank
from portal.tenancy.context import scope
from portal.tenancy.principal import Kind, Principal

TEMPLATES = {
    "balance_update": (
        "BALANCES",
        "Your account {{ account }} has {{ available }} available (as of {{ as_of }}).",
    ),
    "card_payment": (
        "TRANSACTIONS",
        "Your card on account {{ account }}: {{ amount }} at {{ merchant }} ({{ posted_at }}).",
    ),
    "receipt": (
        "RECEIPTS",
        "Receipt from {{ merchant }}: {{ total }}, reference {{ reference }}. Thank you.",
    ),
    "parcel": (
        "SHIPMENTS",
        "Your order from {{ merchant }} is {{ status }}. {{ carrier }} number {{ tracking_number }} tracks it.",
    ),
    "fraud_alert": (
        "FRAUD_ALERTS",
        "Was this you? {{ amount }} at {{ merchant }} on account {{ account }}, {{ occurred_at }}."
        " If not, call the number on your card and name case {{ case }}, please.",
    ),
    "account_notice": (
        "ACCOUNT_SERVICING",
        "About your account {{ account }}: {{ subject }}. Sign in at your bank.",
    ),
}


@dataclass
class SignIn:
    """Somebody who can sign in."""

    user: User
    email: str
    password: str
    totp_secret: str = ""
    role: str = ""


@dataclass
class Staff:
    """Two people, so that four eyes can look."""

    first: SignIn
    second: SignIn

    @property
    def reviewer(self) -> Principal:
        return Principal(Kind.STAFF, id=self.first.user.pk)

    @property
    def second_reviewer(self) -> Principal:
        return Principal(Kind.STAFF, id=self.second.user.pk)


@dataclass
class Client:
    """An API client with the secret that is shown once."""

    id: UUID
    environment: str
    client_id: str
    client_secret: str
    scopes: list[str]


@dataclass
class CustomerStory:
    """A customer with an active grant."""

    customer_ref: str
    person: SignIn
    person_id: UUID
    grant: Grant
    clusters: list[str]
    accounts: list[Account]
    address: str


@dataclass
class Bank:
    """A bank that is live, with all it needs."""

    partner: Partner
    members: list[SignIn]
    clients: dict[str, Client]
    sender: Sender
    sender_secrets: dict[str, str]
    customers: list[CustomerStory] = field(default_factory=list)


def make_staff(domain: str, password: str) -> Staff:
    """A reviewer and an operator."""
    people = []
    for role, name in (("reviewer", "Rosa Reviewer"), ("operator", "Omar Operator")):
        email = f"{role}@{domain}"
        user, secret = create_user_with_totp(email=email, password=password, name=name, staff_role=role)
        people.append(SignIn(user, email, password, secret, role))
    return Staff(*people)


def make_bank(
    *,
    name: str,
    slug: str,
    staff: Staff,
    password: str,
    page: str,
    secrets: dict[str, str],
    clusters: list[str] | None = None,
    rate_per_second: int = 40,
) -> Bank:
    """From registration to live: reviewed by two, agreed by both sides, wording approved."""
    owner_email = f"owner@{slug}.example"
    owner, secret = create_user_with_totp(email=owner_email, password=password, name=f"{name} owner")
    partner = register_partner(name=name, slug=slug, owner=owner, domain=f"{slug}.example")
    members = [SignIn(owner, owner_email, password, secret, "owner")]
    members.append(_add_analyst(partner, slug, name, password, owner))
    with transaction.atomic():
        acting, _ = member_principal(owner, slug)
    verify_bank(partner, acting, staff.reviewer, staff.second_reviewer)
    covered = clusters or [cluster.value for cluster in SENDABLE]
    _agree(partner, slug, acting, staff, covered)
    enable_production(
        partner_id=partner.id, actor=staff.second_reviewer, reason="Set up together with the platform."
    )
    for template, (cluster, body) in TEMPLATES.items():
        if cluster not in covered:
            continue
        version = draft_template(name=template, cluster=cluster, locale="en", body=body, actor=acting)
        submit_template(version_id=version.id, actor=acting)
        approve_template(version_id=version.id, actor=staff.reviewer)
    sender = configure_sender(
        partner_id=partner.id,
        environment="live",
        channel="messenger",
        external_id=page,
        name=name,
        secrets=secrets,
        actor=acting,
        rate_per_second=rate_per_second,
    )
    clients = {
        environment: _make_client(partner, environment, covered, acting)
        for environment in ("live", "sandbox")
    }
    return Bank(partner, members, clients, sender, secrets)


def make_customer(
    bank: Bank,
    *,
    customer_ref: str,
    address: str,
    accounts: list[Account],
    clusters: list[str],
    person: SignIn,
    duration_days: int = 365,
) -> CustomerStory:
    """Links the messaging account and gives consent, as the person."""
    with scope(Principal.system()), transaction.atomic():
        row, _ = Person.objects.get_or_create(user=person.user)
    actor = Principal(Kind.PERSON, id=person.user.pk, person_id=row.id)
    account = link_account(sender=bank.sender, person_id=row.id, address=address, actor=actor)
    customer = ensure_customer(
        partner_id=bank.partner.id, environment="live", person_id=row.id, customer_ref=customer_ref
    )
    shown = _shown(bank, clusters, accounts, duration_days, person)
    grant = give_consent(
        customer=customer,
        account=account,
        choice=Choice(clusters, accounts, duration_days, disclosure=shown),
        actor=actor,
    )
    story = CustomerStory(customer_ref, person, row.id, grant, clusters, accounts, address)
    bank.customers.append(story)
    return story


def _shown(
    bank: Bank, clusters: list[str], accounts: list[Account], duration_days: int, person: SignIn
) -> str:
    """What the page of consent would have said, with what they chose on it."""
    with scope(Principal.system()), transaction.atomic():
        in_force = AgreementVersion.objects.in_force().select_related("agreement")
        disclosure = disclose(
            bank=bank.partner,
            environment="live",
            version=in_force.get(partner_id=bank.partner.id),
            clusters=clusters,
            accounts=accounts,
            longest_days=duration_days,
        )
    refs = [one.ref for one in accounts]
    chats = [f"Messenger, {bank.sender.name}"]
    return disclosure.text_with(Chosen(clusters, refs, str(duration_days), person.email, chats))


def make_person(email: str, name: str, password: str) -> SignIn:
    """An end user who can sign in."""
    return SignIn(create_person_user(email=email, password=password, name=name), email, password)


def _add_analyst(partner: Partner, slug: str, name: str, password: str, owner: User) -> SignIn:
    email = f"analyst@{slug}.example"
    user, secret = create_user_with_totp(email=email, password=password, name=f"{name} analyst")
    actor = Principal(Kind.MEMBER, id=owner.pk, partner_id=partner.id)
    add_member(partner_id=partner.id, user=user, role=Membership.Role.ANALYST, actor=actor)
    return SignIn(user, email, password, secret, "analyst")


def _agree(partner: Partner, slug: str, owner: Principal, staff: Staff, clusters: list[str]) -> None:
    terms = Terms(clusters=clusters, channels=["messenger"], countries=["US"])
    version = offer_agreement(
        partner_id=partner.id, number=f"AGR-{slug.upper()[:14]}", terms=terms, actor=staff.reviewer
    )
    signing = Signing(version.text_sha256)
    accept_agreement(version_id=version.id, signing=signing, actor=owner)
    countersign_agreement(version_id=version.id, signing=signing, actor=staff.second_reviewer)
    put_agreement_in_force(version_id=version.id)


def _make_client(partner: Partner, environment: str, clusters: list[str], actor: Principal) -> Client:
    allowed = {Cluster(name).scope for name in clusters} | set(OTHER_SCOPES)
    scopes = sorted(ALL_SCOPES if environment == "sandbox" else allowed)
    client, secret = create_client(
        partner_id=partner.id,
        name=f"{partner.name} {environment}",
        environment=environment,
        scopes=scopes,
        actor=actor,
    )
    return Client(client.pk, environment, client.client_id, secret, scopes)


def as_json(value: Any) -> list[dict[str, str]]:
    """Accounts as `demo.json` and the API write them."""
    return [{"ref": one.ref, "mask": one.mask, "type": one.type} for one in value]
