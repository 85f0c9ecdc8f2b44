"""HTTP to addresses that a bank names: https, to public addresses only, judged when the socket is made.

Judging at that moment, and not the name before, leaves no room for a name that resolves differently the second
time (DNS rebinding), nor for a number in disguise.
"""

import ipaddress
import socket
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractCookieJar
from django.conf import settings

LARGEST_ANSWER = 65_536  # bytes that are read of an answer; the rest is left
# Addresses that Python calls global and that lead inside all the same: site-local, v4-compatible, NAT64, 6to4, Teredo.
_INSIDE = [
    ipaddress.ip_network(text) for text in ("fec0::/10", "::/96", "64:ff9b::/96", "2002::/16", "2001::/32")
]


class NotPublic(OSError):
    """The address is private, loopback, link-local or otherwise not on the public internet."""


class NotAllowed(ValueError):
    """The URL cannot be used; `str()` is a sentence that says why."""


def check_url(url: str) -> str:
    """The URL, when it is https on port 443 and names no user; raises NotAllowed. Where loopback is allowed
    (never in production) it may be http to it, on any port.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise NotAllowed("This is not a web address.") from error
    if not host or parts.username is not None or parts.fragment:
        raise NotAllowed("Give a full web address, without a user name and without “#”.")
    if settings.OUTBOUND_ALLOW_LOOPBACK and host in ("127.0.0.1", "localhost", "::1"):
        return url
    if parts.scheme != "https" or port not in (None, 443):
        raise NotAllowed("The address must begin with https:// and use the usual port.")
    if not _may_reach_literal(host):
        raise NotAllowed("The address must be on the public internet.")
    return url


def is_public(address: str) -> bool:
    """Whether an IP address is on the public internet."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(ip, "ipv4_mapped", None)
    if mapped is not None:
        return is_public(str(mapped))
    return (
        ip.is_global
        and not ip.is_multicast
        and not any(ip in net for net in _INSIDE if net.version == ip.version)
    )


def connector(**options: Any) -> aiohttp.TCPConnector:
    """A connector that opens no socket to an address that is not public (raising NotPublic)."""
    return aiohttp.TCPConnector(socket_factory=_guarded_socket, **options)


def session(*, seconds: float, **options: Any) -> aiohttp.ClientSession:
    """A session over such a connector: no proxy of ours, no cookies. Pass `allow_redirects=False` to each call."""
    jar: AbstractCookieJar = aiohttp.DummyCookieJar()
    return aiohttp.ClientSession(
        connector=connector(**options),
        timeout=aiohttp.ClientTimeout(total=seconds),
        cookie_jar=jar,
        trust_env=False,
    )


async def read_some(response: aiohttp.ClientResponse) -> bytes:
    """The first LARGEST_ANSWER bytes of an answer."""
    chunks, size = [], 0
    async for chunk in response.content.iter_chunked(8_192):
        chunks.append(chunk)
        size += len(chunk)
        if size >= LARGEST_ANSWER:
            break
    return b"".join(chunks)[:LARGEST_ANSWER]


def _guarded_socket(where: tuple[Any, ...]) -> socket.socket:
    family, kind, protocol, _, address = where
    if not _may_reach(str(address[0])):
        raise NotPublic(f"{address[0]} is not a public address")
    made = socket.socket(family=family, type=kind, proto=protocol)
    made.setblocking(False)
    return made


def _may_reach(address: str) -> bool:
    if settings.OUTBOUND_ALLOW_LOOPBACK and ipaddress.ip_address(address.partition("%")[0]).is_loopback:
        return True
    return is_public(address)


def _may_reach_literal(host: str) -> bool:
    """A name is judged when it is resolved; a number at once."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return not host.replace(".", "").isdigit() and "." in host
    return _may_reach(host)
