"""No to what banks have asked somebody, without a look at it: whoever stops a bank is not asked by it meanwhile."""

from uuid import UUID

from django.db import transaction
from django.utils import timezone

from consents.models import GrantRequest
from consents.requests import meant_for
from portal.audit.codes import Code
from portal.audit.record import record
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal


def lock_requests(*, person_id: UUID, **of_bank: UUID | str) -> list[GrantRequest]:
    """What banks have asked the person and nobody has answered, in order. As the system."""
    rows = GrantRequest.objects.select_for_update(of=("self",)).order_by("id").filter(**of_bank)
    return list(rows.filter(meant_for(person_id), status=GrantRequest.Status.PENDING))


@transaction.atomic
def refuse_requests(*, actor: Principal, **of_bank: UUID | str) -> None:
    """Those that the person has opened, and those that nobody has and that ask for them by their bank's reference;
    `of_bank` (`partner_id`, `environment`) leaves the others. Call it before any grant is locked: an answer locks its
    request first.
    """
    with scope(Principal.system()):
        for request in lock_requests(person_id=actor.person_id, **of_bank):
            request.status, request.decided_at = GrantRequest.Status.REJECTED, timezone.now()
            request.save(update_fields=["status", "decided_at"])
            record(
                Code.GRANT_REQUEST_DECLINED,
                actor=actor,
                target=request,
                partner_id=request.partner_id,
                person_id=actor.person_id,
            )
