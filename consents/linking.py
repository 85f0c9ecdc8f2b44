"""Which senders a person can link, and what linking needs from a messaging platform, whose channel stands above
and registers here.
"""

from collections.abc import Sequence
from typing import Any, Protocol
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404

from partners.clusters import Environment
from partners.models import Partner, Sender
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal

ENDED = (
    Partner.Status.SUSPENDED,
    Partner.Status.REVOKED,
    Partner.Status.SURRENDERED,
    Partner.Status.REJECTED,
)


class LinkExpired(Exception):
    """The platform's own linking token is too old, or is not one of this sender's."""


class Platform(Protocol):
    """How a messaging platform links accounts."""

    def address_of(self, *, secrets: dict[str, Any], token: str) -> str:
        """The address in whose chat linking was started; "" when the platform does not say in time. Raises
        LinkExpired. Talks to the network.
        """
        ...

    async def forget(self, *, secrets: dict[str, Any], address: str) -> bool:
        """Ends the platform's own idea of a link, where it has one; False asks to try again."""
        ...

    def origins(self) -> Sequence[str]:
        """`scheme://host[:port]` of every place a person may be sent back to."""
        ...

    def takes_back(self, url: str) -> bool:
        """Whether `url` is where this platform waits for the person."""
        ...

    def chat_url(self, page: str, reference: str = "") -> str:
        """A link that opens the chat with a page, carrying the reference."""
        ...


_platforms: dict[str, Platform] = {}


def register_platform(channel: str, platform: Platform) -> None:
    """Called once for each channel that can link, when its application starts."""
    _platforms[channel] = platform


def find_platform(channel: str) -> Platform | None:
    """None where the channel has no linking of its own."""
    return _platforms.get(channel)


def platform_of(sender: Sender) -> Platform:
    """Raises Http404 where the sender's channel has no linking of its own."""
    platform = find_platform(sender.channel)
    if platform is None:
        raise Http404
    return platform


# What people may see of a sender; the database gives their role no other column.
PUBLIC = ("partner_id", "environment", "channel", "external_id", "name", "status")


def offered_senders() -> QuerySet[Sender]:
    """Those a person may link from their own pages: live and active, of active banks."""
    return (
        Sender.objects.select_related("partner")
        .only(*PUBLIC, "partner")
        .filter(
            environment=Environment.LIVE,
            channel__in=_platforms,
            status=Sender.Status.ACTIVE,
            partner__status=Partner.Status.ACTIVE,
        )
    )


def linkable_senders(partner_id: UUID, environment: str) -> list[Sender]:
    """Those of one bank's environment in which its customers can link a chat now."""
    rows = Sender.objects.select_related("partner").only(*PUBLIC, "partner")
    found = rows.filter(partner_id=partner_id, environment=environment, channel__in=_platforms)
    return [sender for sender in found.order_by("name", "id") if can_be_linked(sender)]


def get_offered_sender(sender_id: UUID) -> Sender:
    """One of them; raises Http404."""
    found = offered_senders().filter(pk=sender_id).first()
    if found is None:
        raise Http404
    return found


def is_offered(sender: Sender) -> bool:
    """Whether it is one of them, as it was read."""
    return sender.environment == Environment.LIVE and can_be_linked(sender)


def get_sender(channel: str, sender_id: UUID) -> Sender:
    """Any bank's sender, as a chat names it; raises Http404."""
    with scope(Principal.system()), transaction.atomic():
        found = Sender.objects.select_related("partner").filter(pk=sender_id, channel=channel).first()
    if found is None:
        raise Http404
    return found


def can_be_linked(sender: Sender) -> bool:
    """A live bank must be active; one that only tries things in the sandbox must not have been stopped."""
    if sender.status != Sender.Status.ACTIVE:
        return False
    if sender.environment == Environment.LIVE:
        return sender.partner.status == Partner.Status.ACTIVE
    return sender.partner.status not in ENDED
