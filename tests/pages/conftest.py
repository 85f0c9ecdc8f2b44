"""People and bank members in front of the portal's pages: by HTTP, and in a real browser."""

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from pytest_django.live_server_helper import LiveServer

from portal.ids import public_id
from tests.conftest import CHROMIUM
from tests.notifications.conftest import Api


@pytest.fixture(autouse=True)
def _nothing_was_tried_before() -> None:
    """allauth counts the tries of an address in the cache."""
    cache.clear()


@pytest.fixture
def sign_in() -> Callable[[Any], Client]:
    """An HTTP client in which the user is signed in."""

    def sign_in(user: Any) -> Client:
        http = Client()
        http.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
        return http

    return sign_in


@pytest.fixture
def ana(world: Any, sign_in: Callable[[Any], Client]) -> Client:
    """Ana, signed in."""
    return sign_in(world.ana.person.user)


@pytest.fixture
def api(world: Any) -> Api:
    """Norden's live client."""
    return Api(world.bank.clients["live"])


@pytest.fixture
def grant_path() -> Callable[[Any], str]:
    """The page of a customer's grant."""
    return lambda story: f"/me/grants/{public_id('grt', story.grant.id)}"


@pytest.fixture
def site(committed_world: SimpleNamespace) -> Iterator[SimpleNamespace]:
    """The world, served. By name, because passkeys know no numeric addresses."""
    server = LiveServer("localhost")
    yield SimpleNamespace(url=server.url, world=committed_world)
    server.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        # Playwright keeps an event loop in this thread, where Django would refuse the database
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield running
        running.close()


@pytest.fixture
def tab(browser: Any, site: SimpleNamespace) -> Iterator[Any]:
    """A page that fails the test when it logged an error; an answer that is no success is none."""
    context = browser.new_context(base_url=site.url, reduced_motion="reduce")
    page = context.new_page()
    errors: list[str] = []
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert [error for error in errors if "Failed to load resource" not in error] == []
