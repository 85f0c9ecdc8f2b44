"""The demo's page on the simulated platform: with a template for messages outside the window, or not at all."""

from typing import Any

import httpx
import pytest
from django.conf import settings

from notifications.channels.messenger.graph import credentials
from notifications.channels.messenger.simulator import TEMPLATE
from notifications.channels.messenger.transport import UTILITY_TEMPLATE
from portal.demo.platform import open_page


def test_the_platform_has_the_template_once(portal: Any) -> None:
    open_page(portal.bank)  # the fixture has done so, too
    page = portal.bank.sender.external_id
    address = f"{portal.sandbox_url}/{settings.MESSENGER_GRAPH_VERSION}/{page}/message_templates"
    (found,) = httpx.get(address, params=credentials(portal.bank.sender_secrets)).json()["data"]
    assert (found["name"], found["category"]) == (UTILITY_TEMPLATE, "UTILITY")


def test_a_template_that_is_not_taken_stops_the_demo(portal: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.demo.platform.TEMPLATE", {**TEMPLATE, "components": []})
    with pytest.raises(RuntimeError, match="did not take the template"):
        open_page(portal.bank)
