"""Wording: drafted by the bank, approved by staff who did not write it."""

from uuid import UUID

from django.db import transaction
from django.db.models import Max

from notifications.models import Template, TemplateVersion
from notifications.wording import find_wording_errors
from partners.agreement_caps import agreement_in_force, outside
from partners.refusals import Refused
from portal.audit.codes import Code
from portal.audit.record import record
from portal.tenancy.context import scope
from portal.tenancy.principal import Kind, Principal

_S = TemplateVersion.Status


@transaction.atomic
def draft_template(*, name: str, cluster: str, locale: str, body: str, actor: Principal) -> TemplateVersion:
    """A new version of the named template (and the template itself, the first time)."""
    if errors := find_wording_errors(cluster, body):
        raise Refused(" ".join(errors))
    with scope(actor):
        template, _ = Template.objects.get_or_create(
            partner_id=actor.partner_id, name=name, defaults={"cluster": cluster}
        )
        if template.cluster != cluster:
            raise Refused(f"“{name}” is a template for {template.cluster}.")
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


@transaction.atomic
def submit_template(*, version_id: UUID, actor: Principal) -> TemplateVersion:
    """Asks staff to review it."""
    with scope(actor):
        version = _locked(version_id, _S.DRAFT)
        agreement = agreement_in_force(version.partner_id)
        if agreement and (refusal := outside(agreement, [version.template.cluster])):
            raise Refused(refusal)
        version.status = _S.SUBMITTED
        version.save(update_fields=["status"])
        _record(Code.TEMPLATE_SUBMITTED, version, actor)
    return version


@transaction.atomic
def approve_template(*, version_id: UUID, actor: Principal) -> TemplateVersion:
    """Replaces the approved version of the same language. The author cannot approve."""
    if actor.kind is not Kind.STAFF:
        raise Refused("Only platform staff can approve a template.")
    with scope(actor):
        version = _locked(version_id, _S.SUBMITTED)
        if version.author_id == actor.id:
            raise Refused("Whoever wrote a template cannot approve it.")
        siblings = TemplateVersion.objects.filter(template_id=version.template_id, locale=version.locale)
        siblings.filter(status=_S.APPROVED).update(status=_S.RETIRED)
        version.status, version.reviewer_id = _S.APPROVED, actor.id
        version.save(update_fields=["status", "reviewer_id"])
        _record(Code.TEMPLATE_APPROVED, version, actor)
    return version


def _locked(version_id: UUID, status: str) -> TemplateVersion:
    version = TemplateVersion.objects.select_for_update(no_key=True).get(pk=version_id)
    if version.status != status:
        raise Refused(f"This version is {version.status}; it would have to be {status}.")
    return version


def _record(code: Code, version: TemplateVersion, actor: Principal) -> None:
    data = {"number": version.number, "locale": version.locale}
    record(code, actor=actor, target=version, partner_id=version.partner_id, data=data)
