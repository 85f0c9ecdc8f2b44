"""The only way from an id to an agreement's versions and to the templates they are made from."""

from django.http import Http404

from partners.models import AgreementTemplate, AgreementVersion
from partners.models.agreement import AgreementVersionQuerySet
from portal.ids import InvalidPublicId, parse_public_id
from portal.tenancy.principal import Kind, Principal


def versions_for(principal: Principal) -> AgreementVersionQuerySet:
    """A bank's own; all of them to staff."""
    rows = AgreementVersion.objects.select_related("agreement", "partner")
    return rows if principal.kind is Kind.STAFF else rows.filter(partner_id=principal.partner_id)


def get_version_for(principal: Principal, agv: str) -> AgreementVersion:
    """By its public id; raises Http404 when there is none, or it is somebody else's."""
    try:
        return versions_for(principal).get(pk=parse_public_id("agv", agv))
    except (InvalidPublicId, AgreementVersion.DoesNotExist) as error:
        raise Http404 from error


def get_agreement_template(agt: str) -> AgreementTemplate:
    """By its public id, for staff; raises Http404."""
    try:
        return AgreementTemplate.objects.get(pk=parse_public_id("agt", agt))
    except (InvalidPublicId, AgreementTemplate.DoesNotExist) as error:
        raise Http404 from error
