"""Account linking as Messenger does it, from the button on the phone to the bank's answer.

Pressing an `account_link` button opens the bank's URL with `account_linking_token` and `redirect_uri` added.
The bank signs the person in and sends the browser to `redirect_uri` with `&authorization_code=…` appended:
then the webhook `account_linking {status: "linked"}` goes out, and the link stands once the bank acknowledges
it. Without a code, nothing is linked.
"""

from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from aiohttp import web

from portal.sandbox import events
from portal.sandbox.context import Sandbox, sandbox_of
from portal.sandbox.html import render_page
from portal.sandbox.links import Link
from portal.sandbox.state import Phone

RETURN_PATH = "/linking/return"


def opening_url(sandbox: Sandbox, phone: Phone, url: str, *, base: str) -> str:
    """The URL Messenger opens for an `account_link` button; `base` is the sandbox's own address."""
    link = sandbox.links.begin(sender=phone.sender, address=phone.address)
    link.redirect_uri = f"{base}{RETURN_PATH}?{urlencode({'account_linking_token': link.token})}"
    parts = urlsplit(url)
    query = parse_qsl(parts.query, keep_blank_values=True)
    query += [("account_linking_token", link.token), ("redirect_uri", link.redirect_uri)]
    return urlunsplit(parts._replace(query=urlencode(query)))


def unlink(sandbox: Sandbox, phone: Phone) -> None:
    """The person pressed an `account_unlink` button; the bank hears of it if there was a link."""
    if phone.linked:
        phone.linked = False
        sandbox.world.phone_changed(phone)
        page = sandbox.world.pages[phone.sender]
        sandbox.webhooks.emit(page, events.account_linking(phone, status="unlinked"))


async def show_return(request: web.Request) -> web.Response:
    """`GET redirect_uri[&authorization_code=…]`: finish linking and say how it went.

    A GET that acts, because Meta's is one; the token makes it work once only.
    """
    sandbox = sandbox_of(request)
    link = sandbox.links.find(request.query.get("account_linking_token", ""))
    code = request.query.get("authorization_code", "")
    outcome = await _finish(sandbox, link, code) if request.method == "GET" else "unknown"
    title, sentence, status = OUTCOMES[outcome]
    phone_url = f"/?{urlencode({'phone': f'{link.sender}:{link.address}'})}" if link else "/"
    return render_page(
        "linking_return.html",
        status=status,
        title=title,
        sentence=sentence,
        outcome=outcome,
        phone_url=phone_url,
    )


OUTCOMES = {
    "linked": ("Your account is linked", "You can close this page and go back to the chat.", 200),
    "not_linked": (
        "Nothing was linked",
        "The bank did not confirm the link. You can start again in the chat.",
        200,
    ),
    "used": (
        "This link was used already",
        "Each link works once. Start again in the chat if you need to.",
        409,
    ),
    "expired": ("This link has expired", "Links last five minutes. Start again in the chat.", 410),
    "unknown": ("This link is not known", "Start again in the chat.", 404),
    "not_acknowledged": (
        "Linking was not completed",
        "The bank's server did not acknowledge the link, so Messenger dropped it. Start again in the chat.",
        502,
    ),
}


async def _finish(sandbox: Sandbox, link: Link | None, code: str) -> str:
    phone = sandbox.world.phone(link.sender, link.address) if link else None
    if link is None or phone is None:
        return "unknown"
    if link.used:
        return "used"
    if link.is_expired():
        return "expired"
    link.used = True
    if not code:
        return "not_linked"
    event = events.account_linking(phone, status="linked", authorization_code=code)
    if not await sandbox.webhooks.emit_and_wait(sandbox.world.pages[phone.sender], event):
        return "not_acknowledged"
    phone.linked = True
    sandbox.world.phone_changed(phone)
    return "linked"
