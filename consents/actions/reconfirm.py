"""Saying yes again: every 90 days by one tap, on the same terms and until the same day."""

from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from consents.access import get_grant_for
from consents.actions.give import RECONFIRM_DAYS
from consents.models import Grant
from consents.records import bank_has_left, copy_record
from consents.telling import tell_grant
from consents.trail import record_grant
from partners.refusals import Refused
from partners.webhooks import EventType
from partners.webhooks.actions.emit import ENDED
from portal.audit.codes import Code
from portal.tenancy.context import scope
from portal.tenancy.principal import Kind, Principal


@transaction.atomic
def reconfirm_grant(*, grant_id: UUID, actor: Principal) -> Grant:
    """Starts another 90 days and keeps a record of it (`RenewedConsentGiven`); raises Refused when it has ended,
    or its bank has left.
    """
    with scope(actor):
        grant = get_grant_for(actor, grant_id, lock=True)
        if actor.kind is not Kind.PERSON or not grant.is_open:
            raise Refused(_("This connection has ended; there is nothing to confirm."))
        if grant.partner.status in ENDED:
            raise bank_has_left(grant)
        with scope(Principal.system()):
            grant.record_id = copy_record(grant).id
        now = timezone.now()
        grant.reconfirm_by = now + timedelta(days=RECONFIRM_DAYS)
        grant.tend_at = min(grant.tend_at, now)  # what was due before is still told
        grant.save(update_fields=["record_id", "reconfirm_by", "tend_at"])
        record_grant(Code.CONSENT_RECONFIRMED, grant, actor, record=str(grant.record_id))
        tell_grant(EventType.GRANT_RECONFIRMED, grant)
    return grant
