"""Where a grant's messages arrive, changed among the chats that the person allows already: at once, with a record."""

from uuid import UUID

from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _

from consents.access import get_grant_for
from consents.actions.narrow import take_out
from consents.models import Grant, LinkedAccount, Person
from consents.records import REDUCED, RENEWED
from consents.route import route_of
from consents.telling import tell_grant
from consents.trail import record_grant
from partners.refusals import Refused
from partners.webhooks import EventType
from portal.accounts.language import language_of
from portal.audit.codes import Code
from portal.tenancy.context import scope
from portal.tenancy.principal import Kind, Principal
from portal.vault.keys import find_data_key

SYSTEM = Principal.system()


@transaction.atomic
def order_chats(*, grant_id: UUID, order: list[UUID], actor: Principal) -> Grant:
    """Leaves the grant with these of its chats, in this order; the first is where messages go. Raises Refused where
    none would stay or one is not the grant's: another chat needs a new consent.
    """
    with scope(actor):
        grant = get_grant_for(actor, grant_id, lock=True, account_too=True)
        if actor.kind is not Kind.PERSON or not grant.is_open:
            raise Refused(_("This connection has ended; there is nothing to change."))
        with scope(SYSTEM):
            held = {one.id: one for one in route_of(grant)}
        if not order or len({*order}) < len(order) or not {*order} <= {*held}:
            raise Refused(_("What you allow has changed since you opened this. Look at it once more."))
        if order != list(held):
            _reroute(grant, [held[one] for one in order], actor)
    return grant


def drop_chat(*, account: LinkedAccount, actor: Principal) -> None:
    """The account, which is unlinked, leaves the live grants that name it as a fallback: they go on in the chats they
    have left. In the caller's transaction, as the system.
    """
    naming = Grant.objects.open().filter(person_id=account.person_id, fallback_ids__contains=[account.id])
    for grant in naming.select_for_update(of=("self",)).order_by("id"):
        chats = [one for one in route_of(grant) if one.id != account.id]
        if find_data_key(grant.partner_id, grant.person_id) is None:  # its bank has left: nothing to record
            grant.fallback_ids = [one.id for one in chats[1:]]
            grant.save(update_fields=["fallback_ids"])
            continue
        user = Person.objects.select_related("user").get(pk=grant.person_id).user
        with translation.override(language_of(user)):
            _reroute(grant, chats, actor)


def _reroute(grant: Grant, chats: list[LinkedAccount], actor: Principal) -> None:
    event = RENEWED if actor.kind is Kind.PERSON else REDUCED
    record_grant(Code.CONSENT_REROUTED, grant, actor, **take_out(grant, (), None, chats, event=event))
    tell_grant(EventType.GRANT_AMENDED, grant)
