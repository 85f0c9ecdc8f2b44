"""Asking people again once their bank's agreement covers more than they agreed to, and what they answer.

Until they say yes everything goes on by the old terms: their grant holds neither new kinds of messages nor the
new version. Narrowing asks nobody: what is sent is judged by the agreement in force. Whose grant it makes shorter is
told.
"""

from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from consents.access import get_grant_for
from consents.actions.again import check_can_agree
from consents.actions.give import RECONFIRM_DAYS
from consents.impact import live_under, must_be_asked, shortened_by
from consents.mailing import mail_person
from consents.models import ConsentRecord, Grant
from consents.records import copy_record, purposes_of, terms_of
from consents.telling import tell_grant
from consents.terms import Changes, changes_for, is_asked
from consents.trail import record_grant
from partners.models import AgreementVersion
from partners.outgoing import outgoing
from partners.refusals import Refused
from partners.webhooks import EventType
from portal.audit.codes import Code
from portal.ids import public_id
from portal.tenancy.context import scope
from portal.tenancy.principal import Kind, Principal

BATCH = 100
SYSTEM = Principal.system()


def ask_people() -> int:
    """Asks and tells a batch of the people of each bank whose new version has not reached all of them; returns how
    many.
    """
    with scope(SYSTEM), transaction.atomic():
        found = list(
            AgreementVersion.objects.in_force().filter(people_asked_at=None).values_list("id", flat=True)
        )
    return sum(_ask_some(version_id) for version_id in found)


@transaction.atomic
def _ask_some(version_id: UUID) -> int:
    with scope(SYSTEM):
        rows = AgreementVersion.objects.in_force().select_for_update(of=("self",), no_key=True)
        version = rows.filter(pk=version_id, people_asked_at=None).select_related("partner").first()
        if version is None:
            return 0
        live = live_under(version).select_for_update(of=("self",))
        shortened = live.filter(shortened_by(version)).select_related("person__user", "customer")
        # In order, as by all who tell of several grants: no two wait for each other
        shorter = list(shortened.order_by("id")[:BATCH])
        for grant in shorter:
            _shorten(grant, version)
        # Asked about an earlier version, and this one is not wider for them
        live_under(version).exclude(must_be_asked(version)).filter(asked_version_id__isnull=False).update(
            asked_version_id=None, answered_at=None
        )
        due = live.filter(must_be_asked(version)).exclude(asked_version_id=version.id)
        grants = list(due.order_by("-id")[:BATCH])
        for grant in grants:
            _ask(grant, version)
        if len(grants) < BATCH > len(shorter):
            version.people_asked_at = timezone.now()
            version.save(update_fields=["people_asked_at"])
    return len(grants) + len(shorter)


def _shorten(grant: Grant, version: AgreementVersion) -> None:
    """Sending is judged by the version already; from now on the grant says so as well."""
    grant.expires_at = grant.authorised_at + timedelta(days=version.longest_grant_days)
    grant.tend_at = min(grant.tend_at, timezone.now())
    grant.save(update_fields=["expires_at", "tend_at"])
    _record(Code.CONSENT_SHORTENED, grant, SYSTEM, version)
    tell_grant(EventType.GRANT_AMENDED, grant, has_receipt=False)
    page = reverse("person-grant", args=[public_id("grt", grant.id)])
    context = {"partner": version.partner.name, "days": version.longest_grant_days}
    mail_person(grant.person_id, "consents/shortened", context, page=page)


def _ask(grant: Grant, version: AgreementVersion) -> None:
    grant.asked_version_id, grant.answered_at = version.id, None
    grant.save(update_fields=["asked_version_id", "answered_at"])
    _record(Code.CONSENT_ASKED, grant, SYSTEM, version)
    page = reverse("person-terms", args=[public_id("grt", grant.id)])
    mail_person(grant.person_id, "consents/asked_again", {"partner": version.partner.name}, page=page)


class TermsChanged(Refused):
    """What the person read does not hold any more: they are asked again, on what does."""


@transaction.atomic
def agree_to_terms(*, grant_id: UUID, seen: str, kinds: list[str], actor: Principal) -> Grant:
    """From now on the person agrees to what they were shown (`seen` is the digest of it), with those of its new `kinds`
    they chose. Raises TermsChanged, and Refused where the bank cannot ask.
    """
    with scope(actor):
        grant = get_grant_for(actor, grant_id, lock=True)
        check_can_agree(grant)
        changes = _checked(grant, seen, actor)
        if unknown := {*kinds} - {*changes.kinds}:
            raise Refused(_("{kinds} is not among what is new.").format(kinds=", ".join(sorted(unknown))))
        grant.clusters = changes.kept_with(kinds)
        if not grant.clusters or not (kinds or changes.has_terms):
            raise Refused(_("Choose at least one kind of message, or decline."))
        with scope(SYSTEM):
            grant.record_id = _amended_record(grant, changes, kinds).id
        grant.agreement_version, grant.answered_at = changes.version, timezone.now()
        grant.reconfirm_by = timezone.now() + timedelta(days=RECONFIRM_DAYS)
        grant.tend_at = min(grant.tend_at, timezone.now())
        grant.save(
            update_fields=[
                "clusters", "record_id", "agreement_version", "answered_at", "reconfirm_by", "tend_at",
            ]
        )  # fmt: skip
        with scope(SYSTEM):
            withdrawn = outgoing().keep_within(grant=grant)
        kept = {"clusters": grant.clusters, "withdrawn": withdrawn}
        _record(Code.CONSENT_AMENDED, grant, actor, changes.version, **kept)
        tell_grant(EventType.GRANT_AMENDED, grant)
    return grant


@transaction.atomic
def keep_terms(*, grant_id: UUID, seen: str, actor: Principal) -> Grant:
    """The person stays with what they agreed to, and is not asked about this version again."""
    with scope(actor):
        grant = get_grant_for(actor, grant_id, lock=True)
        changes = _checked(grant, seen, actor)
        grant.answered_at = timezone.now()
        grant.save(update_fields=["answered_at"])
        _record(Code.CONSENT_AMENDMENT_DECLINED, grant, actor, changes.version)
    return grant


def _checked(grant: Grant, seen: str, actor: Principal) -> Changes:
    if actor.kind is not Kind.PERSON or not grant.is_open:
        raise Refused(_("This connection has ended; there is nothing to agree to."))
    changes = changes_for(grant) if is_asked(grant) else None
    if changes is None:
        raise Refused(_("You have answered already, or nothing is asked of you."))
    if changes.shown.digest != seen:
        raise TermsChanged(
            _("The terms have changed again since you opened this. Read them once more before you answer.")
        )
    return changes


def _amended_record(grant: Grant, changes: Changes, kinds: list[str]) -> ConsentRecord:
    """With what was shown this time, word for word."""
    return copy_record(
        grant,
        clusters=grant.clusters,
        purposes=purposes_of(grant.clusters),
        language=get_language() or "en",
        given_through="page",
        disclosure=changes.text_with(kinds, grant),
        **terms_of(changes.version),
    )


def _record(code: Code, grant: Grant, actor: Principal, version: AgreementVersion, **data: object) -> None:
    record_grant(code, grant, actor, version=version.number, **data)
