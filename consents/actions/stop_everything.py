"""The panic button: nothing from any bank, at once."""

import structlog
from django.db import DatabaseError, transaction
from django.db.models import Exists, OuterRef, Q
from django.http import Http404
from django.utils import timezone

from consents.actions.stop import end_grant
from consents.models import Customer, Grant, GrantRequest
from partners.refusals import Refused
from portal.audit.codes import Code
from portal.audit.record import record
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal

log = structlog.get_logger(__name__)
REASON = "stopped_everything"


def stop_everything(*, actor: Principal) -> None:
    """Ends all that the person has with any bank, oldest first, each in a transaction of its own: one that cannot
    be ended now keeps no other alive, and is still there to be seen and ended. Before that, what banks have asked and
    nobody has answered is over, so that nothing new begins meanwhile.
    """
    _refuse_requests(actor)
    with scope(actor), transaction.atomic():
        live = Grant.objects.filter(person_id=actor.person_id, status__in=["ACTIVE", "PAUSED"])
        grants = list(live.order_by("id").values_list("id", flat=True))
    for grant_id in grants:
        try:
            end_grant(grant_id=grant_id, actor=actor, reason=REASON)
        except (Refused, Http404):
            continue  # it has ended meanwhile
        except DatabaseError:
            log.exception("grant_not_stopped", grant=str(grant_id))


@transaction.atomic
def _refuse_requests(actor: Principal) -> None:
    """Those that the person has opened, and those that nobody has and that ask for them by their bank's reference."""
    theirs = Customer.objects.filter(
        person_id=actor.person_id,
        partner_id=OuterRef("partner_id"),
        environment=OuterRef("environment"),
        ref_index=OuterRef("ref_index"),
    )
    with scope(Principal.system()):
        rows = GrantRequest.objects.select_for_update(of=("self",)).order_by("id")
        mine = Q(person_id=actor.person_id) | Q(Exists(theirs), person_id=None)
        for request in rows.filter(mine, status=GrantRequest.Status.PENDING):
            request.status, request.decided_at = GrantRequest.Status.REJECTED, timezone.now()
            request.save(update_fields=["status", "decided_at"])
            record(
                Code.GRANT_REQUEST_DECLINED,
                actor=actor,
                target=request,
                partner_id=request.partner_id,
                person_id=actor.person_id,
            )
