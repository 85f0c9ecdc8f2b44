"""What a bank's amended agreement means for one person: what is new, and what is no longer sent."""

from typing import NamedTuple

from django.utils.translation import gettext as _

from consents.impact import must_be_asked
from consents.models import Grant
from partners.agreement_caps import agreement_in_force
from partners.clusters import Cluster, Environment
from partners.models import AgreementVersion
from portal.countries import country_names
from portal.ids import public_id
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal


class Changes(NamedTuple):
    """The wider terms beside those the person agreed to. `sentences` hold all of them but the new kinds."""

    version: AgreementVersion
    seen: str  # which version the page shows
    kinds: list[str]
    sentences: list[str]


def is_asked(grant: Grant) -> bool:
    """An amendment waits for the person's answer."""
    return grant.asked_version_id is not None and grant.answered_at is None


def changes_for(grant: Grant) -> Changes | None:
    """Against the agreement in force; None where that is not wider than what the person agreed to."""
    with scope(Principal.system()):
        version = agreement_in_force(grant.partner_id)
        wider = Grant.objects.filter(pk=grant.pk).select_related("agreement_version")
        found = wider.filter(must_be_asked(version)).first() if version else None
    if version is None or found is None or found.agreement_version is None:
        return None
    old = found.agreement_version
    kinds = [
        name for name in Cluster.values if name in {*version.clusters} - {*old.clusters, *grant.clusters}
    ]
    return Changes(version, public_id("agv", version.id), kinds, _sentences(old, version))


def lost_kinds(grant: Grant) -> list[str]:
    """What the person allows and the agreement in force no longer covers: it is not sent."""
    if grant.environment != Environment.LIVE:
        return []
    with scope(Principal.system()):
        version = agreement_in_force(grant.partner_id)
    return [name for name in grant.clusters if version and name not in version.clusters]


def _sentences(old: AgreementVersion, new: AgreementVersion) -> list[str]:
    found = []
    if new.retention_days > old.retention_days:
        text = _("What is sent to you is kept for {days} days, then destroyed. Until now: {before} days.")
        found.append(text.format(days=new.retention_days, before=old.retention_days))
    if countries := sorted({*new.countries} - {*old.countries}):
        text = _("Your data may also be used in {countries}. Until now: {before}.")
        found.append(text.format(countries=country_names(countries), before=country_names(old.countries)))
    return found
