"""The OpenAPI document: valid, complete, and true."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from drf_spectacular.validation import validate_schema

from notifications.serializers import EXAMPLES
from partners.clusters import ALL_SCOPES, Cluster
from portal.api.openapi import document, resolve
from portal.api.problems import PROBLEMS
from portal.api.schema import TOKEN_SCHEME
from portal.demo.world import Bank

from .conftest import as_caller, caller_for, real_ids
from .documented import errors_of

OPERATIONS = {
    operation["operationId"]: operation
    for methods in document()["paths"].values()
    for operation in methods.values()
}


def walk(found: Any) -> Any:
    """Every object in the document."""
    if isinstance(found, dict):
        yield found
    for part in found.values() if isinstance(found, dict) else found if isinstance(found, list) else ():
        yield from walk(part)


def test_it_is_valid_openapi(client: Any) -> None:
    served = client.get("/api/v1/openapi.json").json()

    assert served == document()
    assert served["openapi"].startswith("3.1")
    validate_schema(served)


def test_every_reference_leads_somewhere() -> None:
    for found in walk(document()):
        if "$ref" in found:
            assert resolve(found)


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_is_described(name: str) -> None:
    operation = OPERATIONS[name]

    assert operation["summary"]
    assert operation["description"] not in ("", operation["summary"])
    assert operation["tags"][0] in [tag["name"] for tag in document()["tags"]]
    for parameter in map(resolve, operation.get("parameters", [])):
        assert parameter["description"], parameter["name"]
    for status, answer in operation["responses"].items():
        for content in resolve(answer).get("content", {}).values():
            assert "$ref" in content["schema"] or "allOf" in content["schema"], status


@pytest.mark.parametrize("name", [name for name, one in OPERATIONS.items() if "oauth" not in one["tags"]])
def test_every_operation_of_the_api_names_its_scopes_and_problems(name: str) -> None:
    operation = OPERATIONS[name]

    assert {scope for one in operation["security"] for scope in one[TOKEN_SCHEME]} <= ALL_SCOPES
    for status, answer in operation["responses"].items():
        if int(status) >= 400:
            codes = answer["content"]["application/problem+json"]["schema"]["allOf"][1]["properties"]["code"]
            assert all(PROBLEMS[code].status == int(status) for code in codes["enum"])
            assert codes["enum"]


def test_all_scopes_are_in_plain_words() -> None:
    flows = document()["components"]["securitySchemes"][TOKEN_SCHEME]["flows"]

    assert flows["clientCredentials"]["scopes"].keys() == ALL_SCOPES
    assert all(words.endswith(".") for words in flows["clientCredentials"]["scopes"].values())


def test_ids_have_a_pattern() -> None:
    parameter = OPERATIONS["getNotificationDetail"]["parameters"][0]

    assert parameter["name"] == "id"
    assert parameter["schema"]["pattern"] == "^ntf_[0-9a-f]{32}$"


@pytest.mark.parametrize("name", OPERATIONS)
def test_examples_are_of_their_schemas(name: str) -> None:
    operation = OPERATIONS[name]
    bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
    for content in [one for body in bodies for one in body.get("content", {}).values()]:
        examples = [one["value"] for one in content.get("examples", {}).values()]
        for example in examples + ([content["example"]] if "example" in content else []):
            assert errors_of(content["schema"], example) == []


def calls() -> Iterator[Any]:
    """Every call of the API that the document shows: a path, a method and a body's name (or "")."""
    for path, methods in document()["paths"].items():
        for method, operation in methods.items():
            if path.startswith("/api/"):
                for name in examples_of(operation) or [""]:
                    yield pytest.param(path, method, name, id=f"{operation['operationId']} {name}".strip())


def examples_of(operation: dict[str, Any]) -> dict[str, Any]:
    """The bodies that the document shows, by name."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    return {name: one["value"] for name, one in content.get("examples", {}).items()}


@pytest.mark.usefixtures("phones")
@pytest.mark.parametrize(("path", "method", "name"), list(calls()))
def test_examples_work_as_they_stand(demo: dict[str, Bank], path: str, method: str, name: str) -> None:
    operation = document()["paths"][path][method]
    body = examples_of(operation).get(name, {})
    is_made = path.startswith("/api/v1/sandbox")
    caller = caller_for(
        bank_of(demo, "CUST-1001" if is_made else body.get("customer_ref", "CUST-1001")), path
    )
    caller.post("/notifications", EXAMPLES["BALANCES"])  # so that lists are not empty
    place = path.format(**real_ids(caller, path)) if "{" in path else path
    answer = caller.http.generic(
        method.upper(), place, json.dumps(body), "application/json", headers=caller.headers
    )

    success = next(status for status in operation["responses"] if status < "300")
    assert str(answer.status_code) == success, answer.content
    assert_alike(answer.json(), example_of(operation))
    if name in Cluster.values:
        assert answer.json()["cluster"] == name


def bank_of(demo: dict[str, Bank], customer_ref: str) -> Bank:
    """The bank that has the customer."""
    return next(
        bank for bank in demo.values() if customer_ref in [one.customer_ref for one in bank.customers]
    )


@pytest.mark.parametrize("name", ["postToken", "postIntrospect", "postRevoke"])
def test_forms_work_as_they_stand(demo: dict[str, Bank], name: str) -> None:
    caller, operation = as_caller(demo["norden"]), OPERATIONS[name]
    form = dict(operation["requestBody"]["content"]["application/x-www-form-urlencoded"]["example"])
    form |= {"token": caller.token()} if "token" in form else {}
    path = next(path for path, methods in document()["paths"].items() if operation in methods.values())
    answer = caller.http.post(path, form, headers=caller.basic)

    assert answer.status_code == 200, answer.content
    if answer.content:
        assert_alike(answer.json(), example_of(operation))


def example_of(operation: dict[str, Any]) -> Any:
    """The example of an operation's success."""
    success = next(one for status, one in operation["responses"].items() if status < "300")
    return success["content"]["application/json"]["example"]


def assert_alike(found: Any, example: Any) -> None:
    """The same names at every depth; what is empty on either side is not compared."""
    if isinstance(found, dict) and isinstance(example, dict):
        assert found.keys() == example.keys()
        for name in found.keys() - {"payload"}:  # an event's, of whatever type
            assert_alike(found[name], example[name])
    elif isinstance(found, list) and isinstance(example, list):
        for part, other in zip(found, example, strict=False):
            assert_alike(part, other)
