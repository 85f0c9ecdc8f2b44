"""Wording: drafted by the bank, approved by staff who did not write it.

Who shows a form says by `seen` (a version's `digest`) which words it showed; when they are others by now, nothing
is changed.
"""

from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Max, QuerySet
from django.urls import reverse
from django.utils import timezone

from notifications.languages import known_language
from notifications.models import Template, TemplateVersion
from notifications.promotion import PROMOTIONAL
from notifications.wording import WordingError, find_wording_errors
from partners.agreement_caps import agreement_in_force, outside
from partners.clusters import SENDABLE
from partners.models import Membership, Partner
from partners.refusals import Refused
from partners.roles import ROLE_PERMISSIONS
from partners.webhooks import EventType, emit
from portal.accounts.models import User
from portal.audit.codes import Code
from portal.audit.record import record
from portal.ids import public_id
from portal.mail.outbox import queue_mail
from portal.tenancy.context import scope
from portal.tenancy.permissions import Permission
from portal.tenancy.principal import Kind, Principal

_S = TemplateVersion.Status
_STALE = "This has changed since you opened the page. Look at it again, then decide."


class WordingRefused(Refused):
    """The body breaks the rules; `errors` say where."""

    def __init__(self, errors: list[WordingError]) -> None:
        super().__init__(" ".join(map(str, errors)))
        self.errors = errors

    @property
    def is_promotion(self) -> bool:
        """Whether it advertises, which the trail has to show."""
        return any(error.code == PROMOTIONAL for error in self.errors)


@transaction.atomic
def draft_template(
    *, name: str, cluster: str, locale: str, body: str, actor: Principal, must_be_new: bool = False
) -> TemplateVersion:
    """A new version of the named template (and the template itself, the first time)."""
    if cluster not in SENDABLE:
        raise Refused("Wording for this kind of data is not sent by templates.")
    _check_wording(cluster, body)
    with scope(_of_bank(actor)):
        template, is_new = Template.objects.get_or_create(
            partner_id=actor.partner_id, name=name, defaults={"cluster": cluster}
        )
        if must_be_new and not is_new:
            raise Refused(f"You have a template called “{name}” already. Add a version to it instead.")
        if template.cluster != cluster:
            raise Refused(f"“{name}” is a template for {template.cluster}.")
        return _add_version(template.id, locale, body, actor)


@transaction.atomic
def add_version(*, template_id: UUID, locale: str, body: str, actor: Principal) -> TemplateVersion:
    """The next version in that language, as a draft."""
    with scope(_of_bank(actor)):
        _check_wording(Template.objects.get(pk=template_id).cluster, body)
        return _add_version(template_id, locale, body, actor)


@transaction.atomic
def edit_draft(*, version_id: UUID, body: str, actor: Principal, seen: str = "") -> TemplateVersion:
    """Other words for what was not submitted yet."""
    with scope(_of_bank(actor)):
        version = _locked(version_id, _S.DRAFT, seen)
        _check_wording(version.template.cluster, body)
        version.body = body
        version.save(update_fields=["body"])
        _record(Code.TEMPLATE_EDITED, version, actor)
    return version


@transaction.atomic
def submit_template(*, version_id: UUID, actor: Principal, seen: str = "") -> TemplateVersion:
    """Asks staff to review it. It takes the place of a version in the same language that still waits for them."""
    with scope(_of_bank(actor)):
        template_id = TemplateVersion.objects.values_list("template_id", flat=True).get(pk=version_id)
        Template.objects.select_for_update(no_key=True).get(pk=template_id)
        version = _locked(version_id, _S.DRAFT, seen)
        agreement = agreement_in_force(version.partner_id)
        if agreement and (refusal := outside(agreement, [version.template.cluster])):
            raise Refused(refusal)
        _check_wording(version.template.cluster, version.body)
        for waiting in _siblings(version).filter(status=_S.SUBMITTED).select_for_update(no_key=True):
            _take_back(waiting, actor)
        version.status, version.submitted_at = _S.SUBMITTED, timezone.now()
        version.save(update_fields=["status", "submitted_at"])
        _record(Code.TEMPLATE_SUBMITTED, version, actor)
    return version


@transaction.atomic
def withdraw_template(*, version_id: UUID, actor: Principal) -> TemplateVersion:
    """Takes it back from review: a draft again."""
    with scope(_of_bank(actor)):
        version = _locked(version_id, _S.SUBMITTED)
        _take_back(version, actor)
    return version


@transaction.atomic
def approve_template(*, version_id: UUID, actor: Principal, seen: str = "") -> TemplateVersion:
    """Replaces the approved version of the same language. The author cannot approve."""
    with scope(_of_staff(actor)):
        version = _locked(version_id, _S.SUBMITTED, seen)
        if version.author_id == actor.id:
            raise Refused("Whoever wrote a template cannot approve it.")
        _siblings(version).filter(status=_S.APPROVED).update(status=_S.RETIRED, retired_at=timezone.now())
        _decide(version, _S.APPROVED, "", actor)
        _record(Code.TEMPLATE_APPROVED, version, actor)
    _tell(version, EventType.TEMPLATE_APPROVED)
    return version


@transaction.atomic
def reject_template(*, version_id: UUID, reason: str, actor: Principal, seen: str = "") -> TemplateVersion:
    """With a reason that the bank reads. What was approved before goes on sending."""
    with scope(_of_staff(actor)):
        version = _locked(version_id, _S.SUBMITTED, seen)
        if not reason.strip():
            raise Refused("Say why, so that the bank can change it.")
        _decide(version, _S.REJECTED, reason.strip(), actor)
        _record(Code.TEMPLATE_REJECTED, version, actor)
    _tell(version, EventType.TEMPLATE_REJECTED)
    return version


@transaction.atomic
def retire_template(*, version_id: UUID, actor: Principal) -> TemplateVersion:
    """Nothing new is sent with it. What was accepted before still goes out."""
    with scope(_of_bank(actor)):
        version = _locked(version_id, _S.APPROVED)
        version.status, version.retired_at = _S.RETIRED, timezone.now()
        version.save(update_fields=["status", "retired_at"])
        _record(Code.TEMPLATE_RETIRED, version, actor)
    return version


@transaction.atomic
def record_promotion(*, actor: Principal, pointer: str) -> None:
    """Notes in the trail that advertising was refused, and in which field; never its words.

    Whoever answers the refusal calls it, after what was refused has been rolled back.
    """
    with scope(actor):
        partner = Partner(pk=actor.partner_id)
        record(
            Code.PROMOTION_REFUSED,
            actor=actor,
            target=partner,
            partner_id=actor.partner_id,
            data={"pointer": pointer},
        )


def _of_bank(actor: Principal) -> Principal:
    if actor.kind not in (Kind.MEMBER, Kind.CLIENT):
        raise Refused("Only the bank writes its templates.")
    return actor


def _of_staff(actor: Principal) -> Principal:
    if actor.kind is not Kind.STAFF:
        raise Refused("Only platform staff can decide on a template.")
    return actor


def _check_wording(cluster: str, body: str) -> None:
    if errors := find_wording_errors(cluster, body):
        raise WordingRefused(errors)


def _add_version(template_id: UUID, locale: str, body: str, actor: Principal) -> TemplateVersion:
    template, locale = (
        Template.objects.select_for_update(no_key=True).get(pk=template_id),
        known_language(locale),
    )
    last = template.versions.filter(locale=locale).aggregate(last=Max("number"))["last"] or 0
    version = TemplateVersion.objects.create(
        template=template,
        partner_id=actor.partner_id,
        number=last + 1,
        locale=locale,
        body=body,
        author_id=actor.id,
    )
    _record(Code.TEMPLATE_DRAFTED, version, actor)
    return version


def _locked(version_id: UUID, status: str, seen: str = "") -> TemplateVersion:
    rows = TemplateVersion.objects.select_related("template").select_for_update(no_key=True, of=("self",))
    version = rows.get(pk=version_id)
    if version.status != status:
        raise Refused(f"This version is {version.status}; it would have to be {status}.")
    if seen and seen != version.digest:
        raise Refused(_STALE)
    return version


def _siblings(version: TemplateVersion) -> QuerySet[TemplateVersion]:
    return TemplateVersion.objects.filter(template_id=version.template_id, locale=version.locale)


def _take_back(version: TemplateVersion, actor: Principal) -> None:
    version.status, version.submitted_at = _S.DRAFT, None
    version.save(update_fields=["status", "submitted_at"])
    _record(Code.TEMPLATE_RECALLED, version, actor)


def _decide(version: TemplateVersion, status: TemplateVersion.Status, reason: str, actor: Principal) -> None:
    version.status, version.reason, version.reviewer_id = status, reason, actor.id
    version.decided_at = timezone.now()
    version.save(update_fields=["status", "reason", "reviewer_id", "decided_at"])


def _record(code: Code, version: TemplateVersion, actor: Principal) -> None:
    data = {"number": version.number, "locale": version.locale}
    record(code, actor=actor, target=version, partner_id=version.partner_id, data=data)


def _tell(version: TemplateVersion, event_type: EventType) -> None:
    """Mails whoever wrote it, or the bank's authors where a program did, and tells the bank's webhooks."""
    with scope(Principal.system()):
        partner = Partner.objects.get(pk=version.partner_id)
        place = reverse("member-template-version", args=[partner.slug, public_id("tpv", version.id)])
        context = {
            "partner": partner.name,
            "template": version.template.name,
            "number": version.number,
            "locale": version.locale,
            "is_approved": version.status == _S.APPROVED,
            "reason": version.reason,
            "page": f"{settings.BASE_URL}{place}",
        }
        for user in _authors(version):
            queue_mail(to=user.email, template="notifications/template_decided", context=context)
        emit(event_type, partner_id=version.partner_id, environment="", data=_event(version))


def _authors(version: TemplateVersion) -> list[User]:
    team = Membership.objects.filter(partner_id=version.partner_id, user__is_active=True).select_related(
        "user"
    )
    if version.author_id and (author := team.filter(user_id=version.author_id).first()):
        return [author.user]
    able = [role for role, held in ROLE_PERMISSIONS.items() if Permission.TEMPLATES_EDIT in held]
    return [one.user for one in team.filter(role__in=able)]


def _event(version: TemplateVersion) -> dict[str, str | int | None]:
    return {
        "template_id": public_id("tpl", version.template_id),
        "name": version.template.name,
        "locale": version.locale,
        "version": version.number,
        "status": version.status,
        "reason": version.reason or None,
    }
