"""What has to be in order before a bank may reach real people; each part of the portal adds its conditions."""

from collections.abc import Callable
from typing import NamedTuple

from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from partners.clusters import Environment
from partners.models import AgreementVersion, ApiClient, Partner, Sender, WebhookEndpoint
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal


class Condition(NamedTuple):
    """A line of the validator. `url` is the page that fixes it; `how` says what to do there, or what was found."""

    name: str
    is_met: bool
    how: str
    url: str


# Judges the condition for a bank; each costs one query at most
Judge = Callable[[Partner], Condition]


def _verified(partner: Partner) -> Condition:
    is_met = partner.status in (Partner.Status.APPROVED, Partner.Status.ACTIVE)
    how = "Two reviewers have approved your bank." if is_met else "Your bank has to be verified and approved."
    return Condition("Your bank is verified", is_met, how, _page("member-verification", partner))


def _agreement(partner: Partner) -> Condition:
    rows = AgreementVersion.objects.filter(partner=partner, status=AgreementVersion.Status.FINALIZED)
    is_met = rows.exists()
    how = "It is signed by both sides." if is_met else "Both sides have to sign, and its day has to come."
    return Condition("An agreement is in force", is_met, how, _page("member-agreement", partner))


def _client(partner: Partner) -> Condition:
    is_open = Q(expires_at__gt=timezone.now(), revoked_at=None)
    is_met = ApiClient.objects.filter(is_open, partner=partner, environment=Environment.LIVE).exists()
    how = "Its first token works once production is enabled." if is_met else "Create a live client."
    return Condition("A live client exists", is_met, how, _page("member-clients", partner))


def _sender(partner: Partner) -> Condition:
    rows = Sender.objects.filter(partner=partner, environment=Environment.LIVE, status=Sender.Status.ACTIVE)
    is_met = any(sender.is_proven for sender in rows)
    how = "The platform found nothing wrong." if is_met else "Add a live sender and check it at the platform."
    return Condition("A live sender works", is_met, how, _page("member-senders", partner))


def webhook_answers(partner: Partner) -> Condition:
    """A live URL of the bank’s own, enabled and proven."""
    is_met = WebhookEndpoint.objects.filter(
        partner=partner,
        environment=Environment.LIVE,
        kind=WebhookEndpoint.Kind.URL,
        status=WebhookEndpoint.Status.ENABLED,
        deleted_at=None,
        verified_at__isnull=False,
    ).exists()
    how = (
        "Your server gave the right answer." if is_met else "Add a live endpoint that answers its challenge."
    )
    return Condition("A webhook answers its challenge", is_met, how, _page("member-webhooks", partner))


def _page(route: str, partner: Partner) -> str:
    return reverse(route, args=[partner.slug])


JUDGES: list[Judge] = [_verified, _agreement, _client, _sender, webhook_answers]


def add_judges(*judges: Judge) -> None:
    """Called once by each application above, when it starts."""
    JUDGES.extend(judge for judge in judges if judge not in JUDGES)


def conditions_of(partner: Partner) -> list[Condition]:
    """All of them, judged now, as the system: staff see few of a bank's rows."""
    with scope(Principal.system()):
        return [judge(partner) for judge in JUDGES]
