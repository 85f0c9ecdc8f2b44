"""A bank's HTTP client, with a real token from the real endpoint."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from notifications.actions.inbound import hear_people, take_reports

BALANCE = {
    "account": "acc-ana",
    "available": {"value": "1234.50", "currency": "USD"},
    "as_of": "2026-11-23T09:30:00Z",
}


class Api:
    """Calls the API as one client."""

    def __init__(self, client: Any) -> None:
        self.http = Client()
        answer = self.http.post(
            "/oauth/token",
            {
                "grant_type": "client_credentials",
                "client_id": client.client_id,
                "client_secret": client.client_secret,
            },
        )
        assert answer.status_code == 200, answer.content
        self.headers = {"authorization": f"Bearer {answer.json()['access_token']}"}

    def get(self, path: str) -> Any:
        return self.http.get(f"/api/v1{path}", headers=self.headers)

    def post(self, path: str, body: Any, **headers: str) -> Any:
        return self.http.post(
            f"/api/v1{path}", body, content_type="application/json", headers={**self.headers, **headers}
        )

    def send(self, template: str = "balance_update", data: Any = None, **more: Any) -> Any:
        body = {"customer_ref": "CUST-1", "template": template, "data": data or BALANCE, **more}
        return self.post("/notifications", body)


@pytest.fixture
def api(world: Any) -> Api:
    """Norden's live client."""
    return Api(world.bank.clients["live"])


@pytest.fixture
def api_of() -> Callable[[Any], Api]:
    """Any client."""
    return Api


def process_inbound() -> int:
    """The turn of both workers of what the platform tells; how many events are done."""
    return hear_people() + take_reports()
