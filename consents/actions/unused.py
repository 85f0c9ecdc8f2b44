"""Permissions that nobody uses end by themselves: proposed to the person, and taken out two weeks later."""

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone, translation
from django.utils.text import get_text_list
from django.utils.translation import gettext as _

from consents.access import get_grant_for
from consents.actions.narrow import take_out
from consents.actions.stop import end_grant
from consents.actions.warn import mail_person, page_of
from consents.aside import tell_in_chat
from consents.models import Grant, UnusedKind
from consents.records import REDUCED
from consents.telling import tell_grant
from consents.trail import record_grant
from partners.clusters import Cluster
from partners.refusals import Refused
from partners.webhooks import EventType
from portal.accounts.language import language_of
from portal.audit.codes import Code
from portal.tenancy.context import scope
from portal.tenancy.principal import Kind, Principal

SYSTEM = Principal.system()
UNUSED_AFTER = timedelta(days=90)
NOTICE = timedelta(days=14)
# That no alert came is what one hopes for, and a conversation begins with the person: their silence says nothing.
LASTING = (Cluster.FRAUD_ALERTS, Cluster.CHAT)


def propose(grant: Grant, since: dict[str, datetime], now: datetime) -> None:
    """Tells the person of the kinds that have not come since, and that they end. The caller has locked the grant."""
    UnusedKind.objects.bulk_create(
        UnusedKind(
            partner_id=grant.partner_id, person_id=grant.person_id, grant=grant, cluster=name,
            since=moment, proposed_at=now, lapses_at=now + NOTICE,
        ) for name, moment in since.items()
    )  # fmt: skip
    record_grant(Code.CONSENT_UNUSED, grant, SYSTEM, clusters=list(since))
    kinds = _names(grant, since)
    mail_person(grant, "consents/unused", now + NOTICE, kinds=kinds)
    with translation.override(language_of(grant.person.user)):
        text = _(
            "%(bank)s has not sent this for three months: %(kinds)s. It ends in 14 days unless you keep it."
        )
        button = {"type": "web_url", "title": _("Keep or remove"), "url": page_of(grant)}
        tell_in_chat(grant.account, text % {"bank": grant.partner.name, "kinds": kinds}, [button])


def lapse(grant: Grant, kinds: Collection[str], now: datetime) -> None:
    """Takes the kinds out of the grant, which the caller has locked, and tells the person. A grant of which nothing
    is left has expired.
    """
    _decide(grant, kinds, UnusedKind.Outcome.LAPSED, now)
    named, is_over = _names(grant, kinds), {*grant.clusters} <= {*kinds}
    if is_over:
        end_grant(grant_id=grant.id, actor=SYSTEM, reason="unused", to=Grant.Status.EXPIRED)
    else:
        with translation.override(language_of(grant.person.user)):
            about = take_out(grant, kinds, None, event=REDUCED)
        record_grant(Code.CONSENT_LAPSED, grant, SYSTEM, **about)
        tell_grant(EventType.GRANT_AMENDED, grant)
    mail_person(grant, "consents/lapsed", now, kinds=named, is_over=is_over)


def set_aside(grant: Grant, kinds: Collection[str], now: datetime) -> None:
    """What was proposed is moot: used, allowed anew or taken out meanwhile."""
    _decide(grant, kinds, UnusedKind.Outcome.MOOT, now)


@transaction.atomic
def keep_kind(*, grant_id: UUID, kind: str, actor: Principal) -> Grant:
    """The person wants to go on having it; raises Refused when nothing is proposed. It counts as used from now on."""
    with scope(actor):
        grant = get_grant_for(actor, grant_id, lock=True)
        if actor.kind is not Kind.PERSON or not grant.is_open:
            raise Refused(_("This connection has ended; there is nothing to keep."))
        with scope(SYSTEM):
            if not _decide(grant, [kind], UnusedKind.Outcome.KEPT, timezone.now()):
                raise Refused(_("You have answered already, or it has ended."))
        record_grant(Code.CONSENT_KEPT, grant, actor, clusters=[kind])
    return grant


def _decide(grant: Grant, kinds: Collection[str], outcome: str, now: datetime) -> int:
    open_ones = UnusedKind.objects.filter(grant=grant, cluster__in=kinds, decided_at=None)
    return open_ones.update(outcome=outcome, decided_at=now)


def _names(grant: Grant, kinds: Collection[str]) -> str:
    with translation.override(language_of(grant.person.user)):
        return get_text_list([str(Cluster(name).label) for name in grant.clusters if name in kinds], _("and"))
