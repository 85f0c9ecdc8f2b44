"""Opens a stored notification to show its text again: to its person, or when they ask."""

import json

from consents.models import ConsentRecord
from consents.records import granted_accounts
from notifications.actions.accept import data_place
from notifications.models import Notification
from notifications.wording import render
from portal.vault.crypto import CannotOpen, DataKeyMaterial, open_sealed
from portal.vault.keys import find_data_key


def render_for(notification: Notification) -> str:
    """The text as it was sent; raises CannotOpen when it, or its key, was destroyed. Costs one query for the key."""
    key = find_data_key(notification.partner_id, notification.person_id)
    if key is None:
        raise CannotOpen("the key was destroyed")
    return render_with(key, notification, notification.record)


def render_with(key: DataKeyMaterial, notification: Notification, record: ConsentRecord) -> str:
    """The same, with a key that the caller has; `record` is the one that allowed it."""
    data = json.loads(open_sealed(key, notification.data, aad=data_place(notification.id)))
    accounts = granted_accounts(record, key)
    mask = next((one["mask"] for one in accounts if one["ref"] == data.get("account")), "")
    version = notification.template_version
    return render(version.body, data, locale=version.locale, mask=mask)
