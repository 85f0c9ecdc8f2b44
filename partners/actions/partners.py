"""A bank's own life: registered, reviewed by two, active, suspended, gone."""

from uuid import UUID

from django.contrib.auth.models import Group
from django.db import transaction

from partners.actions.clients import forget_tokens_of
from partners.models import Membership, Partner, Submission, Verification
from partners.outgoing import outgoing
from partners.refusals import Refused
from partners.roles import group_name, make_role_groups
from partners.webhooks import EventType, emit
from portal.accounts.models import User
from portal.audit.codes import Code
from portal.audit.record import record
from portal.ids import public_id
from portal.tenancy.context import scope
from portal.tenancy.principal import Kind, Principal

_S = Partner.Status
# From, to: who may. What is not here cannot happen.
TRANSITIONS: dict[tuple[str, str], set[Kind]] = {
    (_S.DRAFT, _S.PENDING_REVIEW): {Kind.MEMBER},
    (_S.MORE_INFORMATION_NEEDED, _S.PENDING_REVIEW): {Kind.MEMBER},
    (_S.PENDING_REVIEW, _S.IN_REVIEW): {Kind.STAFF},
    (_S.IN_REVIEW, _S.MORE_INFORMATION_NEEDED): {Kind.STAFF},
    (_S.IN_REVIEW, _S.REJECTED): {Kind.STAFF},
    (_S.IN_REVIEW, _S.APPROVED): {Kind.STAFF},
    (_S.APPROVED, _S.ACTIVE): {Kind.SYSTEM},
    (_S.ACTIVE, _S.SUSPENDED): {Kind.STAFF},
    (_S.SUSPENDED, _S.ACTIVE): {Kind.STAFF},
    (_S.ACTIVE, _S.SURRENDERED): {Kind.MEMBER},
    (_S.SUSPENDED, _S.SURRENDERED): {Kind.MEMBER},
    (_S.ACTIVE, _S.REVOKED): {Kind.STAFF},
    (_S.SUSPENDED, _S.REVOKED): {Kind.STAFF},
}
TOLD: dict[tuple[str, str], EventType] = {
    (_S.ACTIVE, _S.SUSPENDED): EventType.PARTNER_SUSPENDED,
    (_S.SUSPENDED, _S.ACTIVE): EventType.PARTNER_REINSTATED,
}
STOPPED = {_S.SUSPENDED, _S.SURRENDERED, _S.REVOKED}
GONE = {_S.REJECTED, _S.SURRENDERED, _S.REVOKED}


@transaction.atomic
def register_partner(*, name: str, slug: str, owner: User, domain: str = "") -> Partner:
    """A new bank in DRAFT with its first owner. The sandbox works from here on."""
    actor = Principal(Kind.MEMBER, id=owner.pk)
    with scope(Principal.system()):
        partner = Partner.objects.create(name=name, slug=slug, domain=domain)
        make_role_groups(partner)
        record(Code.PARTNER_REGISTERED, actor=actor, target=partner, partner_id=partner.id)
    add_member(partner_id=partner.id, user=owner, role=Membership.Role.OWNER, actor=actor)
    return partner


@transaction.atomic
def add_member(*, partner_id: UUID, user: User, role: str, actor: Principal) -> Membership:
    """Gives the user a role in the bank, and the role's group."""
    with scope(Principal.system()):
        member = Membership.objects.create(partner_id=partner_id, user=user, role=role)
        user.groups.add(Group.objects.get(name=group_name(partner_id, role)))
        record(Code.MEMBER_ADDED, actor=actor, target=member, partner_id=partner_id, data={"role": role})
    return member


@transaction.atomic
def change_partner_status(*, partner_id: UUID, to: str, actor: Principal, reason: str = "") -> Partner:
    """Moves the bank along its states; raises Refused when that is not a step, or not this actor's.

    Once it has committed, no send begins that the new state forbids. An approval puts in force what both sides
    have signed, and the bank is ACTIVE then.
    """
    with scope(actor):
        partner = Partner.objects.select_for_update().get(pk=partner_id)
        if actor.kind not in TRANSITIONS.get((partner.status, to), set()):
            raise Refused(f"A bank cannot go from {partner.status} to {to} this way.")
        _check_review(partner.id, to)
        before, partner.status = partner.status, to
        partner.save(update_fields=["status"])
        data = {"from": before, "to": to, "reason": reason}
        record(Code.PARTNER_STATUS_CHANGED, actor=actor, target=partner, partner_id=partner.id, data=data)
        if (before, to) in TOLD:
            told = {"partner_id": public_id("ptn", partner.id), "status": to, "reason": reason or None}
            emit(TOLD[before, to], partner_id=partner.id, environment="", data=told)
    if {before, to} & STOPPED:
        forget_tokens_of(partner.id)
    if to in GONE:
        with scope(Principal.system()):  # another bank may have its licence now
            Verification.objects.filter(partner_id=partner.id).update(is_claimed=False)
    if to in STOPPED:
        with scope(Principal.system()):
            outgoing().settle_partner(partner_id=partner.id)
    if to == _S.APPROVED and _begin_agreement(partner_id):
        partner.status = _S.ACTIVE
    return partner


def _check_review(partner_id: UUID, to: str) -> None:
    """A bank is reviewed on what it submitted, and approved by two people who judged just that."""
    if to not in (_S.PENDING_REVIEW, _S.APPROVED):
        return
    last = Submission.objects.latest_of(partner_id)
    if to == _S.PENDING_REVIEW and (last is None or last.status != Submission.Status.WAITING):
        raise Refused("A bank is reviewed once it has submitted its verification.")
    if to == _S.APPROVED and (last is None or not last.is_approved_by_two()):
        raise Refused("A second, different reviewer has to approve what the first one recommended.")


def _begin_agreement(partner_id: UUID) -> bool:
    """What both sides signed before the approval begins with it."""
    from partners.actions.agreements import (  # they change a bank's state too
        due_to_begin,
        put_agreement_in_force,
    )

    return bool([put_agreement_in_force(version_id=waiting) for waiting in due_to_begin(partner_id)])
