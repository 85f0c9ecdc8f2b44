"""What the agreement in force forbids, with the clause that says so."""

from collections.abc import Iterable
from uuid import UUID

from django.utils.translation import gettext as _

from partners.agreement_text import CLAUSES
from partners.clusters import Cluster
from partners.models import AgreementVersion


def agreement_in_force(partner_id: UUID) -> AgreementVersion | None:
    """The bank's, at this moment."""
    return AgreementVersion.objects.in_force().filter(partner_id=partner_id).first()


def outside(version: AgreementVersion, clusters: Iterable[str]) -> str:
    """A sentence about the kinds of data that the agreement does not cover; "" where it covers all."""
    names = ", ".join(sorted(set(clusters) - set(version.clusters)))
    text = _("The agreement does not cover {kinds}: see its clause {clause}.")
    return text.format(kinds=names, clause=CLAUSES["clusters"]) if names else ""


def allowed_scopes(version: AgreementVersion | None) -> set[str]:
    """The scopes of kinds of data that a live client's token may have."""
    return {Cluster(name).scope for name in version.clusters} if version else set()


def cluster_of(scope: str) -> Cluster | None:
    """The kind of data that a scope lets a client send; None for a scope of another sort."""
    return next((cluster for cluster in Cluster if cluster.scope == scope), None)
