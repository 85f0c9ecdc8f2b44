"""What a request offers to one person at this moment: within the agreement as it is now, and beside what they allow
already.
"""

from dataclasses import dataclass
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext as _

from consents.actions.give import LIVE, LONGEST_DAYS
from consents.disclosure import Disclosure, disclose
from consents.linking import ENDED, linkable_senders
from consents.models import Grant, GrantRequest, LinkedAccount
from consents.records import Account, granted_accounts
from consents.requests import content_of
from consents.route import linked_chats
from partners.agreement_caps import agreement_in_force
from partners.clusters import Cluster, Environment
from partners.models import AgreementVersion, Partner, Sender
from partners.refusals import Refused
from portal.vault.keys import data_key_for


class NothingToOffer(Refused):
    """The bank cannot ask this any more: it was stopped, or its agreement does not cover it."""


@dataclass(frozen=True)
class Offer:
    """`held` is the live grant that it would change. `chats` are where messages could go, and `senders` those
    pages of the bank in which another chat can be linked.
    """

    asked: GrantRequest
    version: AgreementVersion | None
    accounts: list[Account]
    held: Grant | None
    disclosure: Disclosure
    chats: list[LinkedAccount]
    senders: list[Sender]


def offer_of(asked: GrantRequest, person_id: UUID) -> Offer:
    """Raises NothingToOffer. As the system."""
    version, content = _version(asked), content_of(asked)
    held = _held(asked, person_id)
    kept = granted_accounts(held, data_key_for(held.partner_id, person_id)) if held else []
    before = [Account(**one) for one in kept]
    asked_for = content.accounts if content else []
    refs = {one.ref for one in asked_for}
    accounts = [*asked_for, *(one for one in before if one.ref not in refs)]
    clusters = {*asked.clusters, *(held.clusters if held else [])} & set(
        version.clusters if version else Cluster.values
    )
    if not clusters or not accounts:
        text = _("What %(bank)s asked for is outside its agreement with Parley now.")
        raise NothingToOffer(text % {"bank": asked.partner.name})
    longest = min(asked.duration_days, version.longest_grant_days if version else LONGEST_DAYS)
    chats = _chats(asked, person_id, version, held)
    disclosure = disclose(
        bank=asked.partner,
        environment=asked.environment,
        version=version,
        clusters=clusters,
        accounts=accounts,
        longest_days=longest,
        held=held,
        held_refs=[one.ref for one in before],
        has_several_chats=len(chats) > 1,
    )
    senders = linkable_senders(asked.partner_id, asked.environment)
    return Offer(asked, version, accounts, held, disclosure, chats, senders)


def _version(asked: GrantRequest) -> AgreementVersion | None:
    bank, is_live = asked.partner, asked.environment == Environment.LIVE
    if bank.status in ENDED or (is_live and bank.status != Partner.Status.ACTIVE):
        raise NothingToOffer(_("%(bank)s may not ask anybody at the moment.") % {"bank": bank.name})
    if not is_live:
        return None
    version = agreement_in_force(bank.id)
    if version is None:
        text = _("%(bank)s has no agreement with Parley in force, so it may not ask anybody.")
        raise NothingToOffer(text % {"bank": bank.name})
    return version


def _held(asked: GrantRequest, person_id: UUID) -> Grant | None:
    rows = Grant.objects.filter(
        partner_id=asked.partner_id,
        environment=asked.environment,
        person_id=person_id,
        status__in=LIVE,
        expires_at__gt=timezone.now(),
    )
    return rows.first()


def _chats(
    asked: GrantRequest, person_id: UUID, version: AgreementVersion | None, held: Grant | None
) -> list[LinkedAccount]:
    """Those that the grant holds in its order, then the others."""
    found = list(
        linked_chats(
            partner_id=asked.partner_id, environment=asked.environment, person_id=person_id, version=version
        )
    )
    order = [held.account_id, *held.fallback_ids] if held else []
    return sorted(found, key=lambda one: order.index(one.id) if one.id in order else len(order))
