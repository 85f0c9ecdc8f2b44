"""Saying yes to more, or for longer, on a live grant: a new consent to what was shown in full. Nothing is interrupted."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from uuid import UUID

from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from consents.access import get_grant_for
from consents.actions.give import give_consent_again
from consents.choosing import Choosable, Wish, as_text, choosable_for, digest, ends_after, statement
from consents.models import Grant
from consents.records import Choice
from partners.clusters import Environment
from partners.models import Partner
from partners.refusals import Refused
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal

RENEW_WITHIN = timedelta(days=30)


@dataclass(frozen=True)
class Answer:
    """A person's yes: to what (`seen` is the digest of what they were shown), and for how long; `days` None keeps the
    day that was picked before.
    """

    wish: Wish
    seen: str
    days: int | None = None


@transaction.atomic
def agree_again(*, grant_id: UUID, answer: Answer, actor: Principal) -> Grant:
    """Gives the consent anew; raises Refused when the connection has ended, the bank may not ask, or what was shown
    does not hold any more.
    """
    with scope(actor):
        grant = get_grant_for(actor, grant_id, lock=True, account_too=True)
        check_can_agree(grant)
        offer = choosable_for(grant)
        until = grant.expires_at if answer.days is None else ends_after(answer.days)
        if not offer.is_known(answer.wish) or _seen(offer, answer, until) != answer.seen:
            raise Refused(_("Something has changed since you opened this. Read it once more."))
        choice = _choice(offer, answer, until)
        first, *others = offer.covered_chats(answer.wish)
        given = give_consent_again(
            grant_id=grant.id, account=first, fallbacks=others, choice=choice, actor=actor
        )
        if given.agreement_version_id != (offer.version.id if offer.version else None):
            raise Refused(_("Your bank’s agreement has changed since you opened this. Read it once more."))
    return given


def check_can_agree(grant: Grant) -> None:
    """Raises Refused where nothing new can be allowed at the moment."""
    if not grant.is_open:
        raise Refused(_("This connection has ended. Connect again instead."))
    if grant.environment == Environment.LIVE and grant.partner.status != Partner.Status.ACTIVE:
        raise Refused(
            _("%(bank)s cannot ask for anything at the moment. What you allowed stays as it is.")
            % {"bank": grant.partner.name}
        )


def can_renew(grant: Grant) -> bool:
    """In the last 30 days; what was allowed once is not prolonged."""
    return grant.is_open and not grant.is_once and grant.expires_at <= timezone.now() + RENEW_WITHIN


def _seen(offer: Choosable, answer: Answer, until: datetime) -> str:
    return digest(offer, statement(offer, answer.wish, until if answer.days is None else None))


def _choice(offer: Choosable, answer: Answer, until: datetime) -> Choice:
    grant, wish = offer.grant, answer.wish
    days = answer.days
    if days is None and not grant.is_once:
        days = ceil((grant.expires_at - timezone.now()) / timedelta(days=1))
    return Choice(
        clusters=[name for name in offer.kinds if name in wish.kinds],
        accounts=[one for key, one in offer.accounts.items() if key in wish.accounts],
        duration_days=days,
        disclosure=as_text(statement(offer, wish, until)),
        language=translation.get_language() or "en",
        until=until if answer.days is None else None,
    )
