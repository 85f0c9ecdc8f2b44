"""The document and the checks of typed data are one: whatever one refuses, the other refuses."""

import copy
from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

from notifications.serializers import EXAMPLES
from notifications.typed_data import DATA, find_errors
from partners.clusters import SENDABLE, Cluster
from portal.api.openapi import document

CHECKER = FormatChecker(formats=())
for name, parse in {"date": date.fromisoformat, "date-time": datetime.fromisoformat}.items():
    CHECKER.checks(name, raises=ValueError)(lambda value, parse=parse: bool(parse(value)))
VALUES = st.sampled_from(
    [
        None, 7, True, "", " ", "Corner Bakery", "x" * 40, "x" * 41, "x" * 80, "x" * 81, "ä" * 80, "\U0001f600" * 80,
        "a\nb", "a\tb", "nul\0", "see https://x", "HTTP:", "www.x", "WWW.", "httpx", "debit", "DELIVERED", "PAYMENT_DUE",
        "2026-01-31", "2026-02-30", "20260131", "2026-W05-6", "1969-12-31", "2026-01-31\n",
        "2026-01-31T09:30:00Z", "2026-01-31T09:30:00+05:30", "2026-01-31T09:30:00.123456789Z", "2026-01-31T09:30Z",
        "2026-01-31T09:30:00", "2026-01-31 09:30:00Z", "2026-02-30T09:30:00Z", "2026-01-31T24:00:00Z",
        {"value": "1.50", "currency": "USD"}, {"value": "-1", "currency": "EUR"}, {"value": "1.", "currency": "USD"},
        {"value": "1" * 12, "currency": "JPY"}, {"value": "1" * 13, "currency": "JPY"}, {"value": 1, "currency": "USD"},
        {"value": "1", "currency": "usd"}, {"value": "1", "currency": "QQQ"}, {"value": "1"}, {"value": "١", "currency": "USD"},
        {"value": "1", "currency": "USD", "more": ""},
        [], [{"name": "Loaf", "amount": {"value": "1", "currency": "USD"}}], [{"name": "Loaf"}], ["Loaf"],
        [{"name": "x" * 81, "amount": {"value": "1", "currency": "USD"}}],
        [{"name": "Loaf", "amount": {"value": "1", "currency": "USD"}}] * 20,
        [{"name": "Loaf", "amount": {"value": "1", "currency": "USD"}}] * 21,
    ]
)  # fmt: skip


def is_documented(cluster: Cluster, data: Any) -> bool:
    """What somebody who knows only the document would say."""
    reference = {
        "$ref": f"#/components/schemas/{DATA[cluster].__name__}",
        "components": document()["components"],
    }
    return Draft202012Validator(reference, format_checker=CHECKER).is_valid(data)


@given(st.sampled_from(SENDABLE), st.data())
@settings(max_examples=400, deadline=None, derandomize=True, database=None)
def test_the_document_and_the_checks_agree(cluster: Cluster, draw: st.DataObject) -> None:
    data = copy.deepcopy(EXAMPLES[cluster]["data"])
    fields = [*DATA[cluster].__annotations__, "advert"]
    for name in draw.draw(st.lists(st.sampled_from(fields), min_size=1, max_size=3)):
        if draw.draw(st.booleans()):
            data[name] = draw.draw(VALUES)
        else:
            data.pop(name, None)

    assert is_documented(cluster, data) == (find_errors(cluster, data) == []), data


@pytest.mark.parametrize("cluster", SENDABLE)
def test_data_fit_one_cluster_only(cluster: Cluster) -> None:
    data = EXAMPLES[cluster]["data"]

    assert [one for one in SENDABLE if is_documented(one, data)] == [cluster]


@pytest.mark.parametrize(
    ("change", "pointer", "code"),
    [
        ({"advert": "Buy!"}, "/data/advert", "unknown_field"),
        ({"a/b~c": 1}, "/data/a~1b~0c", "unknown_field"),
        ({"merchant": None}, "/data/merchant", "invalid"),
        ({"total": {"value": 12, "currency": "USD"}}, "/data/total", "invalid"),
        ({"items": [{"name": "Loaf", "amount": "1"}]}, "/data/items/0/amount", "invalid"),
        ({"items": [{"name": "Loaf"}]}, "/data/items/0/amount", "required"),
    ],
)
def test_an_error_says_where(change: dict[str, Any], pointer: str, code: str) -> None:
    (error,) = find_errors("RECEIPTS", EXAMPLES["RECEIPTS"]["data"] | change)

    assert (error.pointer, error.code) == (pointer, code)
    assert error.detail.endswith(".")
