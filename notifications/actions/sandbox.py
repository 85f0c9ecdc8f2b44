"""The simulated sender that a bank's test customers hear from."""

import secrets
from typing import Any
from uuid import UUID

from django.db import transaction

from notifications.channels.messenger.graph import SIMULATED
from partners.actions.senders import FASTEST, configure_sender, open_secrets
from partners.clusters import Environment
from partners.models import Partner, Sender
from partners.refusals import Refused
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal

_PREFIX = "sandbox-"  # of its Page: real ones are numbers
_SECRETS = ("access_token", "app_secret", "verify_token")


@transaction.atomic
def simulated_sender(*, partner_id: UUID, channel: str) -> tuple[Sender, dict[str, Any]]:
    """The bank's own on that channel, with its secrets; made on first use. Raises Refused for a bank that has left."""
    with scope(Principal.system()):
        partner = Partner.objects.select_for_update(no_key=True).get(
            pk=partner_id
        )  # two calls would make two
        sender = find_simulated_sender(partner_id, channel) or _make(partner, channel)
        known = open_secrets(sender)
        if known is None:
            raise Refused("Your bank has left Parley, and its data was destroyed.")
        return sender, known


def _make(partner: Partner, channel: str) -> Sender:
    made = {name: secrets.token_urlsafe(24) for name in _SECRETS}
    return configure_sender(
        partner_id=partner.pk,
        environment=Environment.SANDBOX,
        channel=channel,
        external_id=f"{_PREFIX}{partner.slug}-{secrets.token_hex(3)}",
        name=partner.name,
        secrets={**made, SIMULATED: "yes"},
        actor=Principal.system(),
        rate_per_second=FASTEST,
    )


def find_simulated_sender(partner_id: UUID, channel: str) -> Sender | None:
    """The same, if there is one."""
    return Sender.objects.filter(
        partner_id=partner_id,
        environment=Environment.SANDBOX,
        channel=channel,
        external_id__startswith=_PREFIX,
    ).first()
