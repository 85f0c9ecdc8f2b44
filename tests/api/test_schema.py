"""schemathesis: whatever the document allows, and whatever it forbids, gets a documented answer."""

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

import pytest
from django.test.client import ClientHandler
from hypothesis import HealthCheck, Phase, given, settings

from consents.serializers import NEW_REQUEST
from notifications.serializers import EXAMPLES
from notifications.typed_data import DATA
from partners.clusters import SENDABLE
from portal.api.openapi import document
from portal.demo.world import Bank

from .conftest import HOOK, caller_for, real_ids

OPERATIONS = [(path, method) for path, methods in document()["paths"].items() for method in methods]
TAKES_NOTHING = {"/api/v1/me", "/.well-known/oauth-authorization-server"}
SOME = settings(
    max_examples=20,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
pytestmark = pytest.mark.usefixtures("phones")


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """The portal as WSGI, inside the test's own transaction (what ends a request closes connections)."""
    answer = ClientHandler()(environ)
    start_response(f"{answer.status_code} {HTTPStatus(answer.status_code).phrase}", list(answer.items()))
    return [answer.content]


@pytest.fixture(scope="module")
def schema() -> Any:
    """The document as served, with the application behind it."""
    import schemathesis  # here, because it takes a second that other tests need not wait

    return schemathesis.openapi.from_wsgi("/api/v1/openapi.json", application)


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_every_answer_is_documented(schema: Any, bank: Bank, path: str, method: str) -> None:
    from schemathesis.generation import GenerationMode

    caller = caller_for(bank, path)
    operation = schema[path][method.upper()]
    headers = caller.headers if path.startswith("/api/") else caller.basic
    known = real_ids(caller, path) if "{" in path else None

    @given(operation.as_strategy(GenerationMode.POSITIVE, path_parameters=known))
    @SOME
    def what_the_document_allows(case: Any) -> None:
        _make_possible(case, path)
        answer = case.call_and_validate(headers=headers)
        # Some things work once, and a key may meet another body: 409
        assert path.startswith("/oauth/") or answer.status_code in (200, 201, 202, 404, 409)
        assert answer.status_code != 404 or method == "delete"

    @given(operation.as_strategy(GenerationMode.NEGATIVE))
    @SOME
    def what_the_document_forbids(case: Any) -> None:
        case.call_and_validate(headers=headers)

    what_the_document_allows()
    if path not in TAKES_NOTHING:
        what_the_document_forbids()


def _make_possible(case: Any, path: str) -> None:
    """Turns what fits a schema into what can be done: sent to somebody, by a template, now; to a real host; as wording."""
    if path.startswith("/api/v1/webhook-endpoints") and isinstance(case.body, dict) and "url" in case.body:
        case.body["url"] = HOOK
    if path.startswith("/api/v1/templates") and isinstance(case.body, dict):
        case.body |= {"body": "Here is what you asked for."} if "body" in case.body else {}
        case.body.pop("data", None)
    if path == "/api/v1/grant-requests":
        case.body |= {name: NEW_REQUEST[name] for name in ("clusters", "accounts", "redirect_uri")}
        case.body["customer_ref"] = "CUST-1001"
    if path != "/api/v1/notifications" or case.method != "POST":
        return
    data = case.body["data"]
    cluster = next(one for one in SENDABLE if DATA[one].__required_keys__ <= data.keys())
    case.body.pop("grant_id", None)
    case.body |= {"customer_ref": "CUST-1001", "template": EXAMPLES[cluster]["template"]}
    case.body |= {"send_at": None, "expires_at": None}
    if "account" in data:
        data["account"] = "acc-4821-1"
