"""Taking something out of a live grant: at once, with a record of what stays. It needs no new consent."""

from collections.abc import Collection
from uuid import UUID

from django.db import transaction
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from consents.access import get_grant_for
from consents.actions.give import account_index
from consents.choosing import Wish, choosable_for
from consents.models import Grant, LinkedAccount
from consents.records import RENEWED, Account, copy_record, purposes_of, sealed_accounts
from consents.route import (
    channels_of,
    chat_words,
    described,
    route_of,
    route_sentences,
    sealed_chats,
    set_route,
)
from consents.telling import tell_grant
from consents.trail import record_grant
from partners.clusters import Cluster
from partners.outgoing import outgoing
from partners.refusals import Refused
from partners.webhooks import EventType
from portal.audit.codes import Code
from portal.tenancy.context import scope
from portal.tenancy.principal import Kind, Principal

SYSTEM = Principal.system()
HELD = ["account", "fallback_ids", "clusters", "accounts", "account_indexes", "record_id"]


@transaction.atomic
def narrow_grant(*, grant_id: UUID, wish: Wish, actor: Principal) -> Grant:
    """Leaves what the person wishes to keep of it and withdraws what waits and is not in it; raises Refused where
    nothing would stay, or something would be new.
    """
    with scope(actor):
        grant = get_grant_for(actor, grant_id, lock=True, account_too=True)
        if actor.kind is not Kind.PERSON or not grant.is_open:
            raise Refused(_("This connection has ended; there is nothing to change."))
        offer = choosable_for(grant)
        if offer.is_empty(wish):
            raise Refused(_("At least one kind of message and one account stay. To end it all, disconnect."))
        if offer.is_same(wish) or offer.is_wider(wish) or not offer.is_known(wish):
            raise Refused(_("What you allow has changed since you opened this. Look at it once more."))
        accounts = [one for key, one in offer.held.items() if key in wish.accounts]
        chats = None if wish.chats is None else offer.chosen_chats(wish)
        about = take_out(grant, {*grant.clusters} - {*wish.kinds}, accounts, chats)
        record_grant(Code.CONSENT_NARROWED, grant, actor, **about)
        tell_grant(EventType.GRANT_AMENDED, grant)
    return grant


def take_out(
    grant: Grant,
    kinds: Collection[str],
    accounts: list[Account] | None,
    chats: list[LinkedAccount] | None = None,
    *,
    event: str = RENEWED,
) -> dict[str, object]:
    """Leaves the grant, which the caller has locked, without these kinds of messages, with these accounts and with
    these chats of its own in this order (None: as they are), and returns what the trail is to hold. Runs in the
    caller's transaction, which tells the bank, and in the person's language, of which the new record is.
    """
    grant.clusters = [name for name in grant.clusters if name not in kinds]
    with scope(SYSTEM):
        if accounts is not None:
            grant.accounts = sealed_accounts(grant, accounts)
            grant.account_indexes = [account_index(grant.partner_id, one.ref) for one in accounts]
        if chats is not None:
            set_route(grant, chats)
        route = route_of(grant)
        grant.record_id = copy_record(
            grant,
            event=event,
            language=get_language() or "en",
            clusters=grant.clusters,
            purposes=purposes_of(grant.clusters),
            accounts=grant.accounts,
            chats=sealed_chats(grant, route),
            recipients=channels_of(route),
            disclosure=_words(kinds, grant, accounts, chats),
        ).id
        grant.save(update_fields=HELD)
        withdrawn = outgoing().keep_within(grant=grant)
    kept: dict[str, object] = {"record": str(grant.record_id), "clusters": grant.clusters}
    if chats is not None:
        kept["chats"] = len(chats)
    return {**kept, "without": sorted(kinds), "withdrawn": withdrawn}


def _words(
    kinds: Collection[str],
    grant: Grant,
    accounts: list[Account] | None,
    chats: list[LinkedAccount] | None,
) -> str:
    lines = [_("Taken out: %(kind)s") % {"kind": Cluster(name).label} for name in sorted(kinds)]
    lines += [_("Stays: %(kind)s") % {"kind": Cluster(name).label} for name in grant.clusters]
    lines += [
        _("Stays: %(account)s") % {"account": f"{one.type} {one.mask}".strip()} for one in accounts or ()
    ]
    return "\n".join([*lines, *(route_sentences(chat_words(described(chats))) if chats else [])])
