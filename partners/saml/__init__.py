"""Speaking SAML 2.0 with a bank's identity provider: an extra that an installation may be without.

What needs its packages (`described`, `request`, `response`) is imported where it is used, and once `is_installed()`.
"""

from importlib.util import find_spec
from typing import NamedTuple

from allauth.socialaccount.providers.oauth2.client import OAuth2Error

MOST_ANSWER = 262_144  # characters of base64 that an answer may have
NOT_INSTALLED = "This installation of Parley speaks no SAML. Its operator can add that."


class NotInstalled(OAuth2Error):
    """The packages of the extra “saml” are not there."""


class Declined(OAuth2Error):
    """The provider says that it did not sign the person in."""


def is_installed() -> bool:
    """Whether they are."""
    return all(find_spec(name) for name in ("onelogin", "xmlsec", "lxml"))


class Sides(NamedTuple):
    """Who speaks with whom: `entity_id` and `acs` are ours, the rest is the bank's provider. Certificates in base64."""

    entity_id: str
    acs: str
    issuer: str
    sso_url: str
    certificates: tuple[str, ...]
