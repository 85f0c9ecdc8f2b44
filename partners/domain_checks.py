"""Whether a bank's domain says what we asked it to: by DNS, or by a file on its web site. Network: call these outside
a transaction.
"""

import asyncio

import aiohttp
import dns.exception
import dns.resolver
from django.conf import settings

from portal.outbound import NotAllowed, NotPublic, check_url, read_some, session

RECORD = "_parley-challenge"
PATH = "/.well-known/parley-challenge"
_PATIENCE = 5.0  # seconds


def check_dns(domain: str, challenge: str) -> str:
    """A sentence on why the TXT record does not prove it; "" when it does."""
    name = f"{RECORD}.{domain}"
    try:
        answer = _resolver().resolve(name, "TXT", lifetime=_PATIENCE)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return f"There is no TXT record at {name} yet. A new one can take some hours to be seen."
    except dns.exception.Timeout:
        return f"The name servers of {domain} did not answer in time. Try again in some minutes."
    except dns.exception.DNSException:
        return f"{name} could not be looked up: the name servers gave no usable answer."
    texts = [b"".join(record.strings) for record in answer]
    if challenge.encode() in texts:
        return ""
    return f"The TXT record at {name} holds something else. Compare it with the text above."


def file_address(domain: str) -> str:
    """Where the file is looked for. With a port it is this machine's, which only the tests allow."""
    scheme = "http" if settings.OUTBOUND_ALLOW_LOOPBACK and domain.startswith("127.0.0.1:") else "https"
    return f"{scheme}://{domain}{PATH}"


def check_file(domain: str, challenge: str) -> str:
    """A sentence on why the file does not prove it; "" when it does. Redirects are not followed."""
    url = file_address(domain)
    try:
        status, content = asyncio.run(_get(check_url(url)))
    except NotAllowed as error:
        return str(error)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        cause = getattr(error, "os_error", error)
        if isinstance(cause, NotPublic) or "not a public address" in str(cause):
            return f"{domain} leads to an address that is not on the public internet, so nothing was asked."
        return f"{url} did not answer in time, or not by https with a good certificate."
    if status != 200:
        return f"{url} answered {status}; it must be 200, without a redirect."
    return "" if content.strip() == challenge.encode() else f"The file at {url} holds something else."


async def _get(url: str) -> tuple[int, bytes]:
    async with session(seconds=_PATIENCE) as http, http.get(url, allow_redirects=False) as answer:
        return answer.status, await read_some(answer)


def _resolver() -> dns.resolver.Resolver:
    """The machine's own, or the one in the settings."""
    if not settings.DNS_SERVER:
        return dns.resolver.Resolver()
    resolver = dns.resolver.Resolver(configure=False)
    address, _, port = settings.DNS_SERVER.partition(":")
    resolver.nameservers, resolver.port = [address], int(port or 53)
    return resolver
