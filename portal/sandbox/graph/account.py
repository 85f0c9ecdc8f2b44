"""`/me`, `/{page}` and account linking seen from the Graph API."""

from portal.sandbox import events
from portal.sandbox.context import Sandbox
from portal.sandbox.graph.call import Call, Reply
from portal.sandbox.graph.errors import GraphError, injected, missing, unknown_person
from portal.sandbox.state import Page


def show_page(sandbox: Sandbox, page: Page, call: Call) -> Reply:
    """`GET /{page}?fields=id,name`: proof that the credentials live. With a linking token, whose it is."""
    if "account_linking_token" in call.params:
        return _linking_recipient(sandbox, page, str(call.params["account_linking_token"]))
    known = {"id": page.id, "name": page.name, "category": "Bank", "app_id": page.app_id}
    asked = [name for name in str(call.params.get("fields", "id,name")).split(",") if name]
    for name in asked:
        if name not in known:
            raise GraphError(100, f"(#100) Tried accessing nonexisting field ({name}) on node type (Page)")
    return Reply({name: known[name] for name in dict.fromkeys([*asked, "id"])})


def _linking_recipient(sandbox: Sandbox, page: Page, token: str) -> Reply:
    """`GET /me?fields=recipient&account_linking_token=…`. Expired tokens raise 10301, unknown ones 10303."""
    link = sandbox.links.find(token)
    if link is None or link.sender != page.id:
        raise injected(10303, None, None)
    if link.is_expired():
        raise injected(10301, None, None)
    return Reply({"id": page.id, "recipient": link.address})


def unlink_account(sandbox: Sandbox, page: Page, call: Call) -> Reply:
    """`POST /me/unlink_accounts {psid}`; the webhook says `unlinked`."""
    psid = call.params.get("psid")
    if not psid:
        raise missing("psid")
    phone = sandbox.world.phone(page.id, str(psid))
    if phone is None:
        raise unknown_person()
    if phone.linked:
        phone.linked = False
        sandbox.world.phone_changed(phone)
        sandbox.webhooks.emit(page, events.account_linking(phone, status="unlinked"))
    return Reply({"result": "unlink account success"})
