"""A bank asks one of its customers for a grant; one person answers, once, within a quarter of an hour."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from uuid import UUID

from django.db import IntegrityError, transaction
from django.http import Http404
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from consents.access import lock_accounts
from consents.actions.give import LIVE, LONGEST_DAYS, give_consent, give_consent_again
from consents.actions.link import ensure_customer
from consents.actions.stop import end_grant
from consents.choosing import named_place
from consents.disclosure import ONCE, Chosen
from consents.linking import ENDED
from consents.models import Customer, Grant, GrantRequest, LinkedAccount, Person
from consents.offers import NothingToOffer, Offer, offer_of
from consents.records import Account, Choice
from consents.requests import LIFETIME, Content, content_of, sealed_content, status_of
from consents.return_address import find_fault
from consents.route import chat_words, described
from partners.agreement_caps import agreement_in_force, outside
from partners.agreement_text import CLAUSES
from partners.clusters import Cluster, Environment
from partners.models import AgreementVersion, Partner
from partners.refusals import Refused
from portal.api.account_numbers import find_full_account_number
from portal.audit.codes import Code
from portal.audit.models import AuditEvent
from portal.audit.record import record
from portal.ids import uuid7
from portal.tenancy.context import current, scope
from portal.tenancy.principal import Principal
from portal.vault.crypto import blind_index, seal
from portal.vault.keys import data_key_for

SYSTEM = Principal.system()
_S = GrantRequest.Status


class Reason(StrEnum):
    """Why nothing came of an answer; kept in the trail."""

    EXPIRED = "expired"
    USED = "used"
    ANOTHER_PERSON = "another_person"
    ANOTHER_CUSTOMER = "another_customer"
    TAMPERED = "tampered"
    CHANGED = "changed"
    STOPPED = "stopped"


class RequestRefused(Refused):
    """The request cannot be answered like this, by this person, now."""

    def __init__(self, reason: Reason, asked: GrantRequest, sentence: str = "") -> None:
        super().__init__(sentence or reason.value)
        self.reason, self.asked = reason, asked


@dataclass(frozen=True)
class Answer:
    """What a person ticked: names of kinds, accounts by their `ref`, a period of the disclosure, a linked chat."""

    kinds: list[str]
    accounts: list[str]
    period: str
    chat: UUID
    fallbacks: list[str] = field(default_factory=list)


class CannotAsk(Refused):
    """The bank may not ask this. `code` is the API's problem, `pointer` the field that is to blame, or ""."""

    def __init__(self, sentence: str, *, code: str = "invalid_request", pointer: str = "") -> None:
        super().__init__(sentence)
        self.code, self.pointer = code, pointer


@transaction.atomic
def ask_for_grant(
    *,
    partner_id: UUID,
    environment: str,
    way: str,
    customer_ref: str,
    clusters: list[str],
    accounts: list[Account],
    duration_days: int,
    redirect_uri: str,
    state: str,
    locale: str,
    client_id: UUID | None = None,
    person_id: UUID | None = None,
) -> GrantRequest:
    """A PENDING request, to be answered at /authorize/{id}; raises CannotAsk. With `person_id` it is that person's
    from the start. Without `redirect_uri` (never so for a bank that asks by itself) they stay on our pages.
    """
    actor = current() or SYSTEM
    with scope(SYSTEM):
        partner = Partner.objects.get(pk=partner_id)
        _check_bank(partner, environment)
        version = agreement_in_force(partner_id) if environment == Environment.LIVE else None
        _check_terms(environment, version, clusters, duration_days)
        _check_accounts(customer_ref, accounts)
        if redirect_uri or way == GrantRequest.Way.BANK:
            _check_way_back(partner, environment, redirect_uri)
        asked = GrantRequest(
            id=uuid7(),
            partner_id=partner_id,
            environment=environment,
            way=way,
            client_id=client_id,
            person_id=person_id,
            ref_index=blind_index("customer_ref", partner_id, customer_ref),
            clusters=[name for name in Cluster.values if name in clusters],
            duration_days=duration_days,
            locale=locale,
            expires_at=timezone.now() + LIFETIME,
        )
        if person_id is not None and (sentence := who_it_is_not(asked, person_id)):
            raise CannotAsk(sentence)
        asked.content = sealed_content(asked, Content(customer_ref, accounts, redirect_uri, state))
        asked.save(force_insert=True)
        data = {"way": way, "clusters": asked.clusters, "days": duration_days}
        record(
            Code.GRANT_REQUEST_CREATED,
            actor=actor,
            target=asked,
            partner_id=partner_id,
            person_id=person_id,
            data=data,
        )
    return asked


def _check_bank(partner: Partner, environment: str) -> None:
    is_live = environment == Environment.LIVE
    if partner.status in ENDED or (is_live and partner.status != Partner.Status.ACTIVE):
        raise CannotAsk(f"{partner.name} cannot ask anybody at the moment.", code="partner_suspended")


def _check_terms(
    environment: str, version: AgreementVersion | None, clusters: list[str], duration_days: int
) -> None:
    if environment == Environment.LIVE and version is None:
        raise CannotAsk("No agreement is in force.", code="agreement_not_in_force")
    if version and (sentence := outside(version, clusters)):
        scopes = ", ".join(sorted(Cluster(name).scope for name in {*clusters} - {*version.clusters}))
        raise CannotAsk(f"{sentence} Scope: {scopes}.", code="insufficient_scope", pointer="/clusters")
    longest = version.longest_grant_days if version else LONGEST_DAYS
    if not 1 <= duration_days <= longest:
        clause = f": see clause {CLAUSES['longest_grant_days']} of the agreement" if version else ""
        raise CannotAsk(f"Ask for 1 to {longest} days{clause}.", pointer="/duration_days")


def _check_accounts(customer_ref: str, accounts: list[Account]) -> None:
    given = {"customer_ref": customer_ref, "accounts": [vars(one) for one in accounts]}
    if pointer := find_full_account_number(given, ""):
        raise CannotAsk("Send a mask instead.", code="full_account_number", pointer=pointer)
    if any(count > 1 for count in Counter(one.ref for one in accounts).values()):
        raise CannotAsk("Each account once: two have the same ref.", pointer="/accounts")


def _check_way_back(partner: Partner, environment: str, redirect_uri: str) -> None:
    if fault := find_fault(redirect_uri, domain=partner.domain, environment=environment):
        raise CannotAsk(fault, pointer="/redirect_uri")


def who_it_is_not(asked: GrantRequest, person_id: UUID) -> str:
    """Why this person is not the customer that the bank means, as a sentence; "" is good. As the system."""
    customers = Customer.objects.filter(partner_id=asked.partner_id, environment=asked.environment)
    if customers.filter(ref_index=asked.ref_index).exclude(person_id=person_id).exists():
        return _("This customer of the bank is connected by somebody else’s Parley account.")
    if customers.filter(person_id=person_id).exclude(ref_index=asked.ref_index).exists():
        return _("You are connected with this bank as another one of its customers.")
    return ""


def open_request(*, request_id: UUID, actor: Principal) -> GrantRequest:
    """Whoever opens it first is the one who is asked. Comes back as it is: still PENDING, or as they decided it.
    Raises RequestRefused, and Http404 for what is not there.
    """
    with _refusals_kept(actor):
        asked = _theirs(request_id, actor)
        if status_of(asked) != _S.PENDING:
            return asked
        if asked.person_id is None:
            asked.person_id = actor.person_id
            asked.save(update_fields=["person"])
            _record(Code.GRANT_REQUEST_OPENED, asked, actor)
    return asked


def allow_request(*, request_id: UUID, seen: str, answer: Answer, actor: Principal) -> GrantRequest:
    """Gives the consent, of exactly what was chosen among what was shown (`seen` is the digest of that). Raises
    RequestRefused; and Refused when the chat cannot be used.
    """
    with _refusals_kept(actor):
        asked = _to_answer(request_id, actor)
        offer = _offer(asked, actor)
        if offer.disclosure.digest != seen:
            raise RequestRefused(Reason.CHANGED, asked)
        asked.grant = _give(offer, answer, actor)
        if asked.grant.agreement_version_id != (offer.version.id if offer.version else None):
            raise RequestRefused(Reason.CHANGED, asked)
        _decide(asked, _S.ACTIVE)
    return asked


def decline_request(*, request_id: UUID, actor: Principal) -> GrantRequest:
    """The person says no; what they have stays as it is. Raises RequestRefused."""
    with _refusals_kept(actor):
        asked = _to_answer(request_id, actor)
        _decide(asked, _S.REJECTED)
        _record(Code.GRANT_REQUEST_DECLINED, asked, actor)
    return asked


@contextmanager
def _refusals_kept(actor: Principal) -> Iterator[None]:
    """All or nothing; but a refusal is written to the trail."""
    try:
        with transaction.atomic(), scope(SYSTEM):
            yield
    except RequestRefused as refusal:
        with transaction.atomic(), scope(SYSTEM):
            _keep_refusal(refusal, actor)
        raise


def _keep_refusal(refusal: RequestRefused, actor: Principal) -> None:
    """Once for each request, person and reason: an old link opened again and again makes no trail longer."""
    asked = GrantRequest.objects.select_for_update().get(pk=refusal.asked.pk)  # two at once write it once
    reason = refusal.reason.value
    told = AuditEvent.objects.filter(person_id=actor.person_id, target_id=asked.pk, data__reason=reason)
    if not told.filter(code=Code.GRANT_REQUEST_REFUSED).exists():
        _record(Code.GRANT_REQUEST_REFUSED, asked, actor, reason=reason)


def _record(code: Code, asked: GrantRequest, actor: Principal, **data: object) -> None:
    record(
        code,
        actor=actor,
        target=asked,
        partner_id=asked.partner_id,
        person_id=actor.person_id,
        data=dict(data),
    )


def _theirs(request_id: UUID, actor: Principal) -> GrantRequest:
    """Locked; of nobody yet, or of this person, who is the customer that the bank means."""
    rows = GrantRequest.objects.select_for_update(of=("self",)).select_related("partner")
    asked = rows.filter(pk=request_id).first()
    if asked is None:
        raise Http404
    if asked.person_id not in (None, actor.person_id):
        raise RequestRefused(Reason.ANOTHER_PERSON, asked)
    if status_of(asked) == _S.EXPIRED:
        raise RequestRefused(Reason.EXPIRED, asked)
    if asked.status == _S.PENDING and (sentence := who_it_is_not(asked, actor.person_id)):
        raise RequestRefused(Reason.ANOTHER_CUSTOMER, asked, sentence)
    return asked


def _to_answer(request_id: UUID, actor: Principal) -> GrantRequest:
    asked = _theirs(request_id, actor)
    if asked.person_id is None:
        raise RequestRefused(Reason.ANOTHER_PERSON, asked)
    if asked.status != _S.PENDING:
        raise RequestRefused(Reason.USED, asked)
    return asked


def _offer(asked: GrantRequest, actor: Principal) -> Offer:
    try:
        return offer_of(asked, actor.person_id)
    except NothingToOffer as refusal:
        raise RequestRefused(Reason.STOPPED, asked, str(refusal)) from refusal


def _give(offer: Offer, answer: Answer, actor: Principal) -> Grant:
    chats = _check(offer, answer)
    customer = _customer(offer)
    choice = Choice(
        clusters=[kind.name for kind in offer.disclosure.kinds if kind.name in answer.kinds],
        accounts=[one for one in offer.accounts if one.ref in answer.accounts],
        duration_days=None if answer.period == ONCE else int(answer.period),
        disclosure=offer.disclosure.text_with(_chosen(answer, chats)),
        language=get_language() or "en",
    )
    if offer.held is not None:
        return give_consent_again(
            grant_id=offer.held.id, account=chats[0], fallbacks=chats[1:], choice=choice, actor=actor
        )
    lock_accounts(chats[0].pk)
    live = Grant.objects.filter(customer=customer, status__in=LIVE)
    for over in live.filter(expires_at__lte=timezone.now()):  # by the clock, not yet by its status
        end_grant(grant_id=over.id, actor=SYSTEM, reason="expired", to=Grant.Status.EXPIRED)
    if live.exists():  # given since this answer began, by another one
        raise RequestRefused(Reason.CHANGED, offer.asked)
    return give_consent(customer=customer, account=chats[0], fallbacks=chats[1:], choice=choice, actor=actor)


def _check(offer: Offer, answer: Answer) -> list[LinkedAccount]:
    """The chats, in their order. Only what was offered can be chosen; a chat that was unlinked meanwhile is no forgery."""
    shown = offer.disclosure
    is_offered = (
        {*answer.kinds} <= {kind.name for kind in shown.kinds}
        and {*answer.accounts} <= {one.value for one in shown.accounts}
        and answer.period in [one.value for one in shown.periods]
    )
    if not is_offered:
        raise RequestRefused(Reason.TAMPERED, offer.asked)
    known = {str(one.id): one for one in offer.chats}
    first = str(answer.chat)
    if not {first, *answer.fallbacks} <= {*known}:
        raise Refused(
            _("This chat is not linked with this bank by you, or not any more. Choose another one.")
        )
    others = [one for name, one in known.items() if name in answer.fallbacks and name != first]
    return [known[first], *others]


def _chosen(answer: Answer, chats: list[LinkedAccount]) -> Chosen:
    person = person_words(chats[0].person_id)
    return Chosen(answer.kinds, answer.accounts, answer.period, person, chat_words(described(chats)))


def person_words(person_id: UUID) -> str:
    """Their name and address. As the system."""
    user = Person.objects.select_related("user").get(pk=person_id).user
    return " ".join(filter(None, [user.name, user.email])) if user else ""


def _customer(offer: Offer) -> Customer:
    """With the accounts that the bank named this time; locked, so that of two answers one comes after the other."""
    asked, content = offer.asked, content_of(offer.asked)
    if asked.person_id is None or content is None:
        raise RequestRefused(Reason.EXPIRED, asked)
    try:
        with transaction.atomic():
            customer = ensure_customer(
                partner_id=asked.partner_id,
                environment=asked.environment,
                person_id=asked.person_id,
                customer_ref=content.customer_ref,
            )
    except (Refused, IntegrityError) as error:  # somebody else was faster
        sentence = who_it_is_not(asked, asked.person_id)  # "" is the person's own other answer
        reason = Reason.ANOTHER_CUSTOMER if sentence else Reason.CHANGED
        raise RequestRefused(reason, asked, sentence) from error
    named = json.dumps([asdict(one) for one in content.accounts]).encode()
    key = data_key_for(asked.partner_id, asked.person_id)
    customer.accounts = seal(key, named, aad=named_place(customer))
    customer.save(update_fields=["accounts"])
    return customer


def _decide(asked: GrantRequest, status: str) -> None:
    asked.status, asked.decided_at = status, timezone.now()
    asked.save(update_fields=["status", "decided_at", "grant"])
