"""From where a request comes, and whether it may."""

import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any

from django.conf import settings


def address_of(meta: Mapping[str, Any]) -> str:
    """The caller's IP address. `X-Forwarded-For` counts only as far as our own proxies wrote it
    (TRUSTED_PROXY_COUNT).
    """
    count = settings.ALLAUTH_TRUSTED_PROXY_COUNT
    told = [text.strip() for text in meta.get("HTTP_X_FORWARDED_FOR", "").split(",")]
    if count and len(told) >= count and told[-count]:
        return told[-count]
    return str(meta.get("REMOTE_ADDR", ""))


def is_within(address: str, networks: Iterable[str]) -> bool:
    """Whether the address is in one of the networks (CIDR); what is no address is in none."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    found = getattr(found, "ipv4_mapped", None) or found
    return any(found in ipaddress.ip_network(network) for network in networks)
