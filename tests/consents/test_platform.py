"""The demo's page on the simulated platform: with a template for messages outside the window, or not at all."""

from typing import Any

import httpx
import pytest
from django.conf import settings

from notifications.channels.messenger.graph import credentials
from notifications.channels.messenger.utility import LANGUAGES, UTILITY_TEMPLATE
from portal.demo.platform import move_page, open_page


def test_the_platform_has_the_template_once_in_each_language(portal: Any) -> None:
    open_page(portal.bank)  # the fixture has done so, too
    page = portal.bank.sender.external_id
    address = f"{portal.sandbox_url}/{settings.MESSENGER_GRAPH_VERSION}/{page}/message_templates"
    found = httpx.get(address, params=credentials(portal.bank.sender_secrets)).json()["data"]
    told = [(one["name"], one["language"], one["category"]) for one in found]
    assert told == [(UTILITY_TEMPLATE, language, "UTILITY") for language in LANGUAGES]


def test_a_template_that_is_not_taken_stops_the_demo(portal: Any) -> None:
    sender, known = portal.bank.sender, portal.bank.sender_secrets
    with pytest.raises(RuntimeError, match="did not take the template"):
        move_page(sender.external_id, sender.id, {**known, "access_token": "of another page"})
