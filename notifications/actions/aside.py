"""What is said in a chat without having been asked; see `consents.aside`."""

from collections.abc import Sequence
from datetime import timedelta

from django.utils import timezone

from consents.actions.link import address_place
from consents.aside import Button
from consents.models import LinkedAccount
from notifications.actions.chat import let_platform_forget, queue_reply
from partners.models import Sender
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal
from portal.vault.crypto import open_sealed
from portal.vault.keys import find_data_key

# The platform's day, less the time that words may wait here
WINDOW = timedelta(hours=23, minutes=55)


def queue_aside(account: LinkedAccount, text: str, buttons: Sequence[Button], after: timedelta) -> bool:
    """Inside the messenger's window only: outside it there is nothing for words like these. Runs in the caller's
    transaction.
    """
    with scope(Principal.system()):
        now = LinkedAccount.objects.select_related("sender", "person").get(pk=account.pk)
        key = find_data_key(now.partner_id, now.person_id)
        heard = now.last_inbound_at
        is_open = heard is not None and heard > timezone.now() - WINDOW
        if key is None or not is_open or now.status != LinkedAccount.Status.ACTIVE:
            return False
        if now.person.is_discreet or now.sender.status != Sender.Status.ACTIVE:
            return False
        address = open_sealed(key, now.address, aad=address_place(now.id)).decode()
        content = {"address": address, "text": text, "buttons": [dict(one) for one in buttons]}
        queue_reply(now.sender, content, due=timezone.now() + after)
    return True


def queue_forgetting(account: LinkedAccount) -> None:
    """Lets the messenger forget a link that was ended on our pages. Runs in the caller's transaction."""
    with scope(Principal.system()):
        now = LinkedAccount.objects.select_related("sender").get(pk=account.pk)
        if (key := find_data_key(now.partner_id, now.person_id)) is not None:
            address = open_sealed(key, now.address, aad=address_place(now.id)).decode()
            let_platform_forget(now.sender, address)
