"""Setting up the simulated banks, whose customers can sign in there (see `bank_sign_in`).

`PUT /banks/{bank_id}` creates or changes one (only the fields given): `{name, client_id, client_secret,
redirect_uris, customers: [{ref, name, accounts: [{ref, mask, type}]}], claims}`. `claims` replaces parts of every ID
token that it signs (null leaves one out), to see what a portal makes of nonsense. Secrets go in and never come out.
"""

from aiohttp import web
from joserfc.jwk import ECKey

from portal.sandbox.context import sandbox_of
from portal.sandbox.fields import Fields, is_web_url, read_object
from portal.sandbox.problems import not_found
from portal.sandbox.state import SimulatedBank


async def put_bank(request: web.Request) -> web.Response:
    """Checks all fields, then changes the bank."""
    world, bank_id = sandbox_of(request).world, request.match_info["bank_id"]
    known = world.banks.get(bank_id)
    bank = known or SimulatedBank(id=bank_id, key=new_key())
    fields = Fields(await read_object(request))
    changed = {
        "name": fields.text("name", bank.name or bank_id, longest=120),
        "client_id": fields.text("client_id", bank.client_id, longest=191),
        "client_secret": fields.text("client_secret", bank.client_secret),
        "redirect_uris": fields.many("redirect_uris", bank.redirect_uris, _is_address, "web addresses"),
        "customers": fields.many("customers", bank.customers, _is_customer, "{ref, name, accounts}"),
        "claims": fields.mapping("claims", bank.claims),
    }
    fields.done()
    for name, value in changed.items():
        setattr(bank, name, value)
    world.put_bank(bank)
    return web.json_response(bank_json(request, bank), status=200 if known else 201)


async def show_bank(request: web.Request) -> web.Response:
    """The bank without its secrets."""
    return web.json_response(bank_json(request, find_bank(request)))


def find_bank(request: web.Request) -> SimulatedBank:
    """The one in the path; raises 404."""
    bank_id = request.match_info["bank_id"]
    bank = sandbox_of(request).world.banks.get(bank_id)
    if bank is None:
        raise not_found(f"bank {bank_id!r}")
    return bank


def issuer_of(request: web.Request, bank: SimulatedBank) -> str:
    """Its address, as it is reached."""
    return f"{request.scheme}://{request.host}/banks/{bank.id}"


def bank_json(request: web.Request, bank: SimulatedBank) -> dict:
    return {
        "id": bank.id,
        "name": bank.name,
        "issuer": issuer_of(request, bank),
        "client_id": bank.client_id,
        "redirect_uris": bank.redirect_uris,
        "customers": bank.customers,
        "claims": bank.claims,
    }


def new_key() -> dict:
    """It signs ID tokens for as long as the bank is known."""
    return dict(ECKey.generate_key("P-256", {"use": "sig"}, auto_kid=True).as_dict(private=True))


def _is_address(one: object) -> bool:
    return isinstance(one, str) and is_web_url(one)


def _is_customer(one: object) -> bool:
    if not isinstance(one, dict) or one.keys() != {"ref", "name", "accounts"}:
        return False
    is_named = all(isinstance(one[part], str) and one[part] for part in ("ref", "name"))
    accounts = one["accounts"]
    return is_named and isinstance(accounts, list) and all(isinstance(each, dict) for each in accounts)
