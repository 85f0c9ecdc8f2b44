"""Where a person goes back to once they have decided: a page of the bank that asked."""

from urllib.parse import urlencode, urlsplit, urlunsplit

from partners.clusters import Environment

LOOPBACK = ("localhost", "127.0.0.1", "::1")


def find_fault(uri: str, *, domain: str, environment: str) -> str:
    """Why nobody may be sent there, as a sentence; "" is good. Live: https on the bank's verified domain or below it.
    Sandbox: https anywhere, or http on the developer's own machine.
    """
    try:
        parts = urlsplit(uri)
        host, _ = parts.hostname or "", parts.port  # a port that is none raises
    except ValueError:
        return "This is not an address."
    if not uri.isascii() or any(sign in uri for sign in " \\\t\r\n") or not uri.isprintable():
        return "This address holds characters that have to be written as %XX."
    if parts.username is not None or parts.password is not None or "#" in uri:
        return "An address to come back to has no user name and no fragment."
    if environment == Environment.SANDBOX:
        is_good = bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK))
        return "" if is_good else "In the sandbox this must be https, or http on localhost."
    is_theirs = bool(domain) and (host == domain or host.endswith(f".{domain}"))
    if parts.scheme == "https" and is_theirs:
        return ""
    return f"This must be https on your verified domain ({domain}) or a host below it."


def with_answer(uri: str, **answer: str) -> str:
    """The address with these parameters behind those that it has."""
    parts = urlsplit(uri)
    query = "&".join(filter(None, [parts.query, urlencode(answer)]))
    return urlunsplit(parts._replace(query=query))


def origin_of(uri: str) -> str:
    """`scheme://host[:port]`, as a content security policy names it."""
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc}"
