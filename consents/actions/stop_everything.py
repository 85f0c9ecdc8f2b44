"""The panic button: nothing from any bank, at once."""

import structlog
from django.db import DatabaseError, transaction
from django.http import Http404

from consents.actions.refuse import refuse_requests
from consents.actions.stop import end_grant
from consents.models import LIVE_STATES, Grant
from partners.refusals import Refused
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal

log = structlog.get_logger(__name__)
REASON = "stopped_everything"


def stop_everything(*, actor: Principal) -> None:
    """Ends all that the person has with any bank, oldest first, each in a transaction of its own: one that cannot
    be ended now keeps no other alive, and is still there to be seen and ended. Before that, what banks have asked and
    nobody has answered is over, so that nothing new begins meanwhile.
    """
    refuse_requests(actor=actor)
    with scope(actor), transaction.atomic():
        live = Grant.objects.filter(person_id=actor.person_id, status__in=LIVE_STATES)
        grants = list(live.order_by("id").values_list("id", flat=True))
    for grant_id in grants:
        try:
            end_grant(grant_id=grant_id, actor=actor, reason=REASON)
        except (Refused, Http404):
            continue  # it has ended meanwhile
        except DatabaseError:
            log.exception("grant_not_stopped", grant=str(grant_id))
