"""What a bank's amended agreement means for one person: what is new, and what is no longer sent."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from django.utils.translation import gettext as _

from consents.actions.requests import person_words
from consents.disclosure import Choosable, Chosen, Disclosure, Part, day_words, disclose, what_stays
from consents.impact import must_be_asked
from consents.models import Grant
from consents.records import Account, granted_accounts
from consents.route import chat_words, described, route_of, route_sentences
from partners.agreement_caps import agreement_in_force
from partners.clusters import Cluster, Environment
from partners.models import AgreementVersion
from portal.countries import country_names
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal
from portal.vault.keys import find_data_key

AS_CHOSEN = "as_chosen"


class Changes(NamedTuple):
    """The wider terms beside those the person agreed to. Among the new `kinds` they choose; `has_terms` tells whether
    there is anything else to agree to.
    """

    version: AgreementVersion
    kinds: list[str]
    has_terms: bool
    shown: Disclosure

    def kept_with(self, kinds: Sequence[str]) -> list[str]:
        """What a person allows who chooses these new ones: nothing that the agreement no longer covers."""
        return [kind.name for kind in self.shown.kinds if kind.is_held or kind.name in kinds]

    def text_with(self, kinds: Sequence[str], grant: Grant) -> str:
        """What the consent record keeps. As the system."""
        accounts = [one.value for one in self.shown.accounts]
        person, chats = person_words(grant.person_id), chat_words(described(route_of(grant)))
        return self.shown.text_with(Chosen(self.kept_with(kinds), accounts, AS_CHOSEN, person, chats))


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
        key, old = find_data_key(grant.partner_id, grant.person_id), found.agreement_version
        accounts = [Account(**one) for one in granted_accounts(found, key)] if key else []
        new = [
            name for name in Cluster.values if name in {*version.clusters} - {*old.clusters, *found.clusters}
        ]
        sentences = _sentences(old, version)
        shown = _shown(found, version, new, accounts, sentences)
    return Changes(version, new, bool(sentences), shown)


def _shown(
    grant: Grant, version: AgreementVersion, new: list[str], accounts: list[Account], sentences: list[str]
) -> Disclosure:
    """The words of every question, where all but the new kinds is settled already."""
    told = disclose(
        bank=grant.partner,
        environment=grant.environment,
        version=version,
        clusters=[*new, *(name for name in grant.clusters if name in version.clusters)],
        accounts=accounts,
        longest_days=version.longest_grant_days,
        held=grant,
        held_refs=[one.ref for one in accounts],
    )
    day, chats = {"date": day_words(grant.expires_at)}, chat_words(described(route_of(grant)))
    own = {
        "now": [_("You are connected until %(date)s. What is new is marked.") % day, *what_stays(grant)],
        "kinds": [
            _("Choose those of the new ones that you want. What you allow already stays.")
            if new
            else _("They stay as they are.")
        ],
        "accounts": [_("They stay as they are. Accounts you open later are not included.")],
        "period": [_("It stays as you chose it, and ends by itself.")],
        "chat": [
            _("The messages go from the bank to %(chat)s.") % {"chat": chats[0]},
            *route_sentences(chats)[1:],
        ],
    }
    parts = [replace(part, sentences=own.get(part.name, part.sentences)) for part in told.parts]
    if sentences:
        place = next(place for place, part in enumerate(parts) if part.name == "now") + 1
        parts.insert(place, Part("terms", _("What changes if you agree"), sentences))
    once, until = _("Once, until %(date)s") % day, _("Until %(date)s") % day
    return replace(
        told,
        title=_("New terms of %(bank)s") % {"bank": grant.partner.name},
        parts=parts,
        periods=[Choosable(AS_CHOSEN, once if grant.is_once else until)],
    )


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
