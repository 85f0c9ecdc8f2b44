"""What a client asked for lately, as its page shows it: bounded, and without what it is about."""

from collections.abc import Callable

from django.test import Client

from partners.models import ApiClient
from portal.api import usage, valkey

from .conftest import me, page_of, token_of

Create = Callable[..., tuple[ApiClient, str]]


def test_requests_show_with_their_answers(owner: Client, create: Create) -> None:
    client, secret = create(scopes=["grants:read"])
    token = token_of(client, secret).json()["access_token"]
    bearer = {"authorization": f"Bearer {token}"}
    answer = me(token)
    Client().get("/api/v1/grants?customer_ref=CUST-SECRET", headers=bearer)
    Client().post(
        "/api/v1/notifications", {"customer_ref": "CUST-SECRET"}, "application/json", headers=bearer
    )
    page = owner.get(page_of(client)).content.decode()
    assert "GET /api/v1/me" in page
    assert answer.headers["X-Request-Id"] in page
    assert "POST /api/v1/notifications" in page
    assert "CUST-SECRET" not in page
    assert token not in page
    today = usage.days(client.pk)[0]
    assert (today.total, today.refused, today.failed) == (3, 1, 0)


def test_only_the_last_are_kept(create: Create) -> None:
    client, _ = create()
    for number in range(usage.LAST + 10):
        usage.note(
            client.pk, method="GET", path=f"/{number}" + "x" * 500, status=200, code="", request_id="r"
        )
    found = usage.last_requests(client.pk)
    assert len(found) == usage.LAST
    assert found[0].path.startswith(f"/{usage.LAST + 9}")
    assert max(len(one.path) for one in found) <= 200


def test_another_client_has_its_own(owner: Client, create: Create) -> None:
    first, secret = create()
    second, _ = create()
    me(token_of(first, secret).json()["access_token"])
    assert "No request yet" in owner.get(page_of(second)).content.decode()


def test_the_page_says_so_when_counts_cannot_be_read(owner: Client, create: Create) -> None:
    client, _ = create()
    valkey._down_until = float("inf")
    try:
        page = owner.get(page_of(client))
    finally:
        valkey._down_until = 0.0
    assert page.status_code == 200
    assert "cannot be read at the moment" in page.content.decode()
