"""Members in front of their bank's pages, signed in a moment ago."""

import re
from typing import Any

from django.test import Client

from tests.conftest import PASSWORD

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


def signed_in(user: Any, *, is_fresh: bool = True) -> Client:
    """A browser in which the user has, or has not, given the password again a moment ago."""
    http = Client()
    http.force_login(user, backend=BACKEND)
    if is_fresh:
        assert http.post("/accounts/reauthenticate/", {"password": PASSWORD}).status_code == 302
    return http


def codes_of(page: str) -> list[str]:
    """What stands in the page's blocks of code."""
    found = re.findall(r"<pre><code>(.*?)</code></pre>", page, re.DOTALL)
    return [text.replace("&#x27;", "'").replace("&amp;", "&") for text in found]


def secret_of(page: str) -> str:
    """The secret that the page shows this once."""
    return codes_of(page)[0]
