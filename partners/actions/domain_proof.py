"""What came of checking a bank's domain. The network is asked before, outside (see `partners.domain_checks`)."""

from uuid import UUID

from django.db import transaction
from django.utils import timezone

from partners.actions.verification import SYSTEM, check_member, lock_case
from partners.models import Verification
from partners.refusals import Refused
from portal.audit.codes import Code
from portal.audit.record import record
from portal.tenancy.context import scope
from portal.tenancy.principal import Kind, Principal


@transaction.atomic
def note_domain_check(*, partner_id: UUID, way: str, problem: str, actor: Principal) -> Verification:
    """Keeps what the check found just now. A failed one leaves an earlier proof as it is, and says so."""
    if actor.kind is not Kind.STAFF:
        check_member(actor, partner_id)
    with scope(SYSTEM):
        _, verification = lock_case(partner_id)
        verification.checked_at, verification.finding = timezone.now(), problem[:300]
        if not problem:
            verification.proven_at = verification.checked_at
            verification.proven_by, verification.proof_reason = Verification.Proof(way), ""
        verification.save()
        data = {"way": way, "is_proven": not problem}
        record(Code.DOMAIN_CHECKED, actor=actor, target=verification, partner_id=partner_id, data=data)
    return verification


@transaction.atomic
def prove_domain_by_hand(
    *, partner_id: UUID, reason: str, actor: Principal, seen: int | None = None
) -> Verification:
    """Staff made sure in another way whose domain it is, and say how. The trail keeps who, and the reason."""
    if actor.kind is not Kind.STAFF:
        raise Refused("Only platform staff can do that.")
    if not reason.strip():
        raise Refused("Say how you made sure that the domain is the bank’s.")
    with scope(SYSTEM):
        _, verification = lock_case(partner_id, seen)
        now = timezone.now()
        verification.proven_at = verification.checked_at = now
        verification.proven_by, verification.proof_reason = Verification.Proof.HAND, reason
        verification.finding = ""
        verification.save()
        record(
            Code.DOMAIN_PROVEN,
            actor=actor,
            target=verification,
            partner_id=partner_id,
            data={"reason": reason},
        )
    return verification
