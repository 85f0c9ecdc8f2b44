"""Whom an amendment of a bank's agreement touches."""

from datetime import timedelta

from django.db.models import Count, F, Q, QuerySet
from django.db.models.functions import Now

from consents.models import Grant
from partners.agreement_impact import Affected
from partners.clusters import Environment
from partners.models import AgreementVersion
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal

_LIVE = [Grant.Status.PENDING, Grant.Status.ACTIVE, Grant.Status.PAUSED]


def live_under(version: AgreementVersion) -> QuerySet[Grant]:
    """The bank's live grants in the live environment."""
    return Grant.objects.filter(
        partner_id=version.partner_id,
        environment=Environment.LIVE,
        status__in=_LIVE,
        expires_at__gt=Now(),
    )


def must_be_asked(version: AgreementVersion) -> Q:
    """Live grants given under an agreement that was narrower: fewer kinds of data, fewer countries, or data kept
    for a shorter time. Nothing wider reaches these people before they have said yes; narrowing asks nobody.
    """
    given = "agreement_version__"
    return (
        Q(**{f"{given}retention_days__lt": version.retention_days})
        | ~Q(**{f"{given}countries__contains": version.countries})
        | ~Q(**{f"{given}clusters__contains": version.clusters})
    )


def narrowed_by(version: AgreementVersion) -> Q:
    """Live grants with a kind of message, or on a channel, that the version no longer covers."""
    return ~Q(clusters__contained_by=version.clusters) | ~Q(account__channel__in=version.channels)


def shortened_by(version: AgreementVersion) -> Q:
    """Live grants given for longer, from their latest authorisation, than the version allows."""
    return Q(expires_at__gt=F("authorised_at") + timedelta(days=version.longest_grant_days))


class Grants:
    """See `partners.agreement_impact`."""

    def affected(self, version: AgreementVersion) -> Affected:
        """One query, over the bank's live grants in the live environment."""
        with scope(Principal.system()):
            return self._count(version)

    def _count(self, version: AgreementVersion) -> Affected:
        found = live_under(version).aggregate(
            live=Count("id"),
            asked=Count("id", filter=must_be_asked(version)),
            narrowed=Count("id", filter=narrowed_by(version)),
            shortened=Count("id", filter=shortened_by(version)),
        )
        return Affected(**found)
