"""A bank's identities on channels."""

import json
from typing import Any
from uuid import UUID

from django.db import transaction

from partners.models import Sender
from portal.audit.codes import Code
from portal.audit.record import record
from portal.ids import uuid7
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal
from portal.vault.crypto import DataKeyMaterial, open_sealed, seal
from portal.vault.keys import data_key_for


@transaction.atomic
def configure_sender(
    *,
    partner_id: UUID,
    environment: str,
    channel: str,
    external_id: str,
    name: str,
    secrets: dict[str, str],
    actor: Principal,
    rate_per_second: int = 40,
) -> Sender:
    """Adds a sender. `secrets` (for Messenger: access_token, app_secret, verify_token) are sealed at once."""
    with scope(Principal.system()):
        sender_id = uuid7()
        key = data_key_for(partner_id)
        sender = Sender.objects.create(
            id=sender_id,
            partner_id=partner_id,
            environment=environment,
            channel=channel,
            external_id=external_id,
            name=name,
            secrets=seal(key, json.dumps(secrets).encode(), aad=_place(sender_id)),
            rate_per_second=rate_per_second,
        )
        record(Code.SENDER_CONFIGURED, actor=actor, target=sender, partner_id=partner_id)
    return sender


def sender_secrets(sender_id: UUID, sealed: bytes | memoryview, key: DataKeyMaterial) -> dict[str, Any]:
    """The sender's secrets, opened with its bank's own key."""
    return json.loads(open_sealed(key, sealed, aad=_place(sender_id)))


def _place(sender_id: UUID) -> bytes:
    return b"sender.secrets" + sender_id.bytes
