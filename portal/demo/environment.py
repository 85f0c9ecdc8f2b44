"""The environment variables of the portal's processes, as a launcher sets them."""

import base64
import os
import secrets
from collections.abc import Mapping

from portal.demo.state import State
from portal.environment import DEMO_MARK

# Set where images are built to keep them small; kept, every start would compile every module again.
UNWANTED = ("PYTHONDONTWRITEBYTECODE",)


def base_environment(surroundings: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Our own environment, fit to be handed on."""
    kept = {name: value for name, value in surroundings.items() if name not in UNWANTED}
    return {**kept, "PYTHONUNBUFFERED": "1", "DJANGO_SETTINGS_MODULE": "portal.settings"}


def kept_secrets(state: State, given: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The secrets of this state folder, made on its first start and kept where only we may read them.

    Deleting the folder destroys them, and with them the means to read a database that lies elsewhere. A
    secret that is given wins.
    """
    kept = state.read("secrets.json")
    if kept is None:
        kept = _fresh_secrets()
        state.write_private("secrets.json", kept)
    return {name: given.get(name) or value for name, value in kept.items()}


def _fresh_secrets() -> dict[str, str]:
    """Marked, so that production refuses them."""
    return {
        "SECRET_KEY": DEMO_MARK + secrets.token_urlsafe(50),
        "PARLEY_KEK": f"k1:{_random_key()}",
        "PARLEY_INDEX_KEY": _random_key(),
        "PARLEY_PEPPER": DEMO_MARK + secrets.token_urlsafe(32),
    }


def _random_key() -> str:
    """32 bytes in base64, 20 of them random: an AES-256 or HMAC-SHA256 key."""
    mark = DEMO_MARK.encode()
    return base64.b64encode(mark + secrets.token_bytes(32 - len(mark))).decode()
