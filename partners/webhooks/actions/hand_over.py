"""Before a person's keys are destroyed: what waits to be told to banks about them is sealed with each bank's own key,
else nobody could tell the banks that it has ended.
"""

from collections.abc import Sequence
from uuid import UUID

from django.db.models import Q

from partners.models import WebhookDelivery, WebhookMessage
from partners.webhooks.signing import open_data, seal_data
from portal.vault.crypto import CannotOpen, DataKeyMaterial
from portal.vault.keys import data_key_for

# They hold ids, states and the bank's own reference; what people wrote goes with their key
_TYPES = ("grant.", "notification.")


def hand_over(*, person_id: UUID, grants: Sequence[UUID], since: UUID) -> int:
    """Of these grants, and sealed with the person's key: the events that wait, and those written after `since` (which
    an inbox of ours holds already). Returns how many. As the system.
    """
    waiting = Q(status=WebhookDelivery.Status.PENDING) | Q(id__gt=since)
    found = WebhookDelivery.objects.filter(waiting, grant_id__in=grants).values("message_id")
    messages = [
        one
        for one in WebhookMessage.objects.filter(pk__in=found, person_id=person_id)
        if one.type.startswith(_TYPES)
    ]
    partners = {message.partner_id for message in messages}
    keys = {one: (data_key_for(one, person_id), data_key_for(one)) for one in partners}
    sealed = [message for message in messages if _seal_again(message, *keys[message.partner_id])]
    WebhookMessage.objects.bulk_update(sealed, ["data", "person_id"], batch_size=500)
    return len(sealed)


def _seal_again(message: WebhookMessage, persons: DataKeyMaterial, banks: DataKeyMaterial) -> bool:
    try:
        data = open_data(persons, message.id, message.data)
    except CannotOpen:  # sealed under an earlier key: it ends unsent, as it would have
        return False
    message.data, message.person_id = seal_data(banks, message.id, data), None
    return True
