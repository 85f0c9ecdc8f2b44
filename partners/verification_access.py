"""The only way to a bank's verification and its documents."""

from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import Http404

from partners.models import Partner, Submission, Verification, VerificationDocument
from portal.ids import InvalidPublicId, parse_public_id
from portal.tenancy.principal import Kind, Principal


def verification_of(partner: Partner) -> Verification:
    """As it stands; an empty one that is not saved where nothing was stated yet."""
    return Verification.objects.filter(partner=partner).first() or Verification(partner=partner)


def get_document_for(principal: Principal, partner: Partner, doc: str) -> VerificationDocument:
    """With its content, by its public id; raises Http404. Members see what they have not taken back, staff what
    was ever submitted, once they are on the case (else PermissionDenied).
    """
    try:
        rows = VerificationDocument.objects.filter(partner=partner, pk=parse_public_id("doc", doc))
    except InvalidPublicId as error:
        raise Http404 from error
    is_staff = principal.kind is Kind.STAFF
    document = rows.filter(
        Q(removed_at=None) | Q(frozen_at__isnull=False) if is_staff else Q(removed_at=None)
    ).first()
    if document is None:
        raise Http404
    if is_staff and not is_on_case(principal, partner):
        raise PermissionDenied("Only who reviews this bank can open its documents: take the case first.")
    return document


def is_on_case(principal: Principal, partner: Partner) -> bool:
    """Whether the colleague has the case, or has decided on one of the bank's submissions."""
    is_theirs = Q(reviewer_id=principal.id) | Q(decisions__by_id=principal.id)
    return Submission.objects.filter(is_theirs, partner=partner).exists()
