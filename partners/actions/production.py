"""A bank goes live: it asks once everything is in order, and staff enable it."""

from uuid import UUID

from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from partners.actions.clients import forget_tokens_of
from partners.models import AgreementVersion, Partner, Production
from partners.notices import tell_owners
from partners.production import conditions_of
from partners.refusals import Refused
from partners.review_mail import tell_reviewers
from portal.audit.codes import Code
from portal.audit.record import record
from portal.tenancy.context import scope
from portal.tenancy.permissions import Permission
from portal.tenancy.principal import Kind, Principal


@transaction.atomic
def request_production(*, partner_id: UUID, actor: Principal) -> Production:
    """The bank asks to go live. Every condition must be met at this moment."""
    if actor.partner_id != partner_id or Permission.CLIENTS_MANAGE.value not in actor.permissions:
        raise Refused("Your role does not include going live.")
    with scope(Principal.system()):
        partner = Partner.objects.select_for_update(no_key=True).get(pk=partner_id)
        production, _ = Production.objects.get_or_create(partner=partner)
        if production.enabled_at is not None:
            raise Refused("Your bank is live already.")
        if production.requested_at is not None:
            raise Refused("Production has been requested already: Parley's staff look at it.")
        if missing := [found.name for found in conditions_of(partner) if not found.is_met]:
            raise Refused(
                f"Not yet: {len(missing)} of the checks fail. Run them again and fix what they name."
            )
        production.requested_at, production.requested_by = timezone.now(), actor.id
        production.save(update_fields=["requested_at", "requested_by"])
        record(Code.PRODUCTION_REQUESTED, actor=actor, target=production, partner_id=partner_id)
        passed = (
            "Every check passed when it asked. Its live clients wait until one of you enables production."
        )
        tell_reviewers(partner, "the bank asks to go live", passed, route="staff-partner")
    return production


@transaction.atomic
def enable_production(*, partner_id: UUID, actor: Principal, reason: str = "") -> Production:
    """Staff let the bank's live clients in. Where the bank has not asked, they must say why they do it."""
    if actor.kind is not Kind.STAFF:
        raise Refused("Only platform staff can do that.")
    with scope(Principal.system()):
        partner = Partner.objects.select_for_update(no_key=True).get(pk=partner_id)
        production, _ = Production.objects.get_or_create(partner=partner)
        if production.enabled_at is not None:
            raise Refused("Production is enabled already.")
        if partner.status != Partner.Status.ACTIVE or not _has_agreement(partner):
            raise Refused("The bank has to be active, with an agreement in force.")
        if production.requested_at is None and not reason:
            raise Refused("The bank has not asked for it: say why you enable it all the same.")
        production.enabled_at, production.enabled_by = timezone.now(), actor.id
        production.save(update_fields=["enabled_at", "enabled_by"])
        data = {"reason": reason, "requested": production.requested_at is not None}
        record(Code.PRODUCTION_ENABLED, actor=actor, target=production, partner_id=partner_id, data=data)
        tell_owners(
            partner,
            headline="your bank is live",
            sentences=["Production is enabled: your live clients reach real people, within your agreement."],
            page=reverse("member-production", args=[partner.slug]),
        )
    forget_tokens_of(partner_id)
    return production


def _has_agreement(partner: Partner) -> bool:
    in_force = AgreementVersion.Status.FINALIZED
    return AgreementVersion.objects.filter(partner=partner, status=in_force).exists()
