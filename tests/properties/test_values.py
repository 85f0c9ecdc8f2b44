"""Values at their edges: typed data, account numbers, rendering, sealing, identifiers, cursors."""

import json
import string
import time
from datetime import date, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
import time_machine
from hypothesis import assume, example, given
from hypothesis import strategies as st

from notifications.typed_data import field_names, find_errors
from notifications.wording import render
from partners.clusters import SENDABLE, Cluster
from portal.api.account_numbers import find_full_account_number
from portal.ids import InvalidPublicId, parse_public_id, public_id, uuid7
from portal.vault.crypto import (
    CannotOpen,
    DataKeyMaterial,
    blind_index,
    new_wrapped_key,
    open_sealed,
    seal,
    unwrap,
)

anything = st.text(
    st.characters(codec=None, exclude_categories=())
)  # lone surrogates and control characters too
scalars = st.none() | st.booleans() | st.integers() | st.floats() | anything
any_json = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(anything, inner, max_size=4)
)
clusters = st.sampled_from(list(Cluster))


# -- what is not typed cannot be sent -------------------------------------------------------------------------


@st.composite
def nearly_right(draw: st.DrawFn, cluster: str) -> dict[str, Any]:
    """Data with the right names and some of the right values, one of them anything at all."""
    data = {name: draw(good_values(name)) for name in field_names(cluster)}
    if data and draw(st.booleans()):
        data[draw(st.sampled_from(sorted(data)))] = draw(any_json)
    return data


words = st.text(string.ascii_letters + " .é", min_size=1, max_size=20).filter(str.strip)
money = st.fixed_dictionaries(
    {
        "value": st.from_regex(r"-?[0-9]{1,9}(\.[0-9]{1,2})?", fullmatch=True),
        "currency": st.sampled_from(["USD", "EUR", "JPY", "KWD"]),
    }
)
offsets = st.integers(-12 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
times = st.datetimes(datetime(1971, 1, 1), datetime(2198, 1, 1), timezones=offsets)  # noqa: DTZ001
days = st.dates(date(1970, 1, 1), date(2199, 12, 31))
GOOD: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(["available", "current", "amount", "total"], money),
    **dict.fromkeys(["as_of", "posted_at", "purchased_at", "occurred_at"], times.map(datetime.isoformat)),
    **dict.fromkeys(["expected_on", "due_on"], days.map(str)),
    "direction": st.sampled_from(["debit", "credit"]),
    "status": st.sampled_from(["RECEIVED", "SHIPPED", "OUT_FOR_DELIVERY", "DELIVERED"]),
    "subject": st.sampled_from(["STATEMENT_READY", "PAYMENT_DUE", "CARD_LOCKED", "CARD_UNLOCKED", "LIMIT_CHANGED"]),
    "items": st.lists(st.fixed_dictionaries({"name": words, "amount": money}), min_size=1, max_size=3),
}  # fmt: skip


def good_values(name: str) -> st.SearchStrategy[Any]:
    return GOOD.get(name, words)


@given(cluster=clusters, data=any_json)
@example(
    cluster="BALANCES",
    data={"account": "\ud800", "available": {"value": "1", "currency": "USD"}, "as_of": "\ud800"},
)
@example(cluster="RECEIPTS", data={"merchant": "AA00" + "\u212a" * 12})
@example(cluster="RECEIPTS", data={"merchant": "aa00" + "\u0130" * 12})
@example(cluster="RECEIPTS", data={"merchant": "AA٠٠" + "٤" * 20})
def test_any_json_is_judged_without_a_crash(cluster: str, data: Any) -> None:
    errors = find_errors(cluster, data)
    assert all(error.pointer.startswith("/data") and error.code and error.detail for error in errors)
    find_full_account_number(data)


@given(cluster=st.sampled_from(SENDABLE), data=st.data())
def test_what_passes_can_be_written_down_and_shown(cluster: str, data: st.DataObject) -> None:
    """A text that could not be rendered would be found only when it is to be sent, with a whole batch."""
    found = data.draw(nearly_right(cluster))
    if find_errors(cluster, found):
        return
    stored = json.loads(json.dumps(found).encode())
    assert stored == found
    body = " ".join(f"{{{{ {name} }}}}" for name in field_names(cluster))
    for locale in ("en", "es", "ar", "pt_BR"):
        text = render(body, stored, locale=locale, mask="•• 1")
        text.encode()  # it goes out as UTF-8
        assert "{{ available }}" not in text


@given(cluster=st.sampled_from(SENDABLE), data=st.data())
def test_right_data_passes(cluster: str, data: st.DataObject) -> None:
    found = {name: data.draw(good_values(name)) for name in field_names(cluster)}
    assume(not any(isinstance(value, str) and value.lower().startswith("www.") for value in found.values()))
    assert find_errors(cluster, found) == []


@pytest.mark.parametrize(
    ("value", "is_money"),
    [
        ({"value": "0", "currency": "USD"}, True),
        ({"value": "-999999999999.9999", "currency": "KWD"}, True),
        ({"value": "1234.50", "currency": "USD"}, True),
        ({"value": "1e5", "currency": "USD"}, False),
        ({"value": "NaN", "currency": "USD"}, False),
        ({"value": "Infinity", "currency": "USD"}, False),
        ({"value": "1,5", "currency": "USD"}, False),
        ({"value": "1_0", "currency": "USD"}, False),
        ({"value": "+1", "currency": "USD"}, False),
        ({"value": ".5", "currency": "USD"}, False),
        ({"value": "5.", "currency": "USD"}, False),
        ({"value": " 5", "currency": "USD"}, False),
        ({"value": "5\n", "currency": "USD"}, False),
        ({"value": "1٢", "currency": "USD"}, False),
        ({"value": "1.23456", "currency": "USD"}, False),
        ({"value": "1" * 16, "currency": "USD"}, False),
        ({"value": 5, "currency": "USD"}, False),
        ({"value": "5", "currency": "usd"}, False),
        ({"value": "5", "currency": "US"}, False),
        ({"value": "5", "currency": "USDT"}, False),
        ({"value": "5"}, False),
        ({"value": "5", "currency": "USD", "note": ""}, False),
        ("5 USD", False),
        (None, False),
    ],
    ids=str,
)
def test_money_is_a_plain_decimal_and_a_currency(value: Any, is_money: bool) -> None:
    data = {"account": "a", "available": value, "as_of": "2026-11-23T09:30:00Z"}
    assert (find_errors("BALANCES", data) == []) == is_money


@pytest.mark.parametrize(
    ("value", "is_time"),
    [
        ("2026-11-23T09:30:00Z", True),
        ("2026-11-23T09:30:00.123+05:30", True),
        ("2028-02-29T23:59:59Z", True),
        ("2026-02-29T09:30:00Z", False),
        ("2026-11-23T09:30:00", False),
        ("2026-11-23T24:30:00Z", False),
        ("2026-11-23T09:30:00+25:00", False),
        ("2026-11-23", False),
        ("20261123T093000Z", False),
        ("2026-W48-1T09:30:00Z", False),
        ("2026-11-23 09:30:00Z", False),
        ("2026-11-23T09:30Z", False),
        ("yesterday", False),
        (1_764_000_000, False),
        (None, False),
        ("", False),
    ],
    ids=str,
)
def test_a_time_is_rfc_3339_with_an_offset(value: Any, is_time: bool) -> None:
    data = {"account": "a", "available": {"value": "1", "currency": "USD"}, "as_of": value}
    assert (find_errors("BALANCES", data) == []) == is_time


# -- full account numbers -------------------------------------------------------------------------------------

apart = st.text(st.sampled_from(" :;,.()/_-#|*~\t…·"), min_size=1, max_size=3)
around = st.text(max_size=30) | st.sampled_from(
    ["Order 1234567", "ref 42", "AB12", "12 34", "0000", "GB29 NWBK", "x" * 40]
)
between = st.sampled_from(["", " ", "-"])


def with_luhn(digits: str) -> str:
    """A card number: one more digit makes the sum right (ISO/IEC 7812-1)."""
    doubled = [int(digit) * (2 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(digits))]
    return digits + str(-sum(value // 10 + value % 10 for value in doubled) % 10)


def with_check(country: str, account: str) -> str:
    """An IBAN (ISO 13616)."""
    number = int("".join(str(int(letter, 36)) for letter in f"{account}{country}00"))
    return f"{country}{98 - number % 97:02d}{account}"


cards = st.from_regex(r"[1-9][0-9]{11,17}", fullmatch=True).map(with_luhn)
ibans = st.builds(
    with_check,
    st.sampled_from(["DE", "GB", "NO", "MT"]),
    st.text(string.ascii_uppercase + string.digits, min_size=11, max_size=30),
)


def grouped(number: str, separator: str) -> str:
    return separator.join(number[place : place + 4] for place in range(0, len(number), 4))


@given(
    number=cards | ibans,
    separator=between,
    before=around,
    gap=apart,
    end=apart,
    after=around,
    deep=st.booleans(),
)
@example(number="4111111111111111", separator="", before="", gap=" ", end=" ", after="", deep=False)
@example(
    number="4111111111111111", separator=" ", before="Order 1234567", gap=" ", end=" ", after="", deep=False
)
@example(
    number="DE89370400440532013000",
    separator=" ",
    before="AB12",
    gap=" ",
    end=" ",
    after="paid today",
    deep=False,
)
@example(
    number="DE89370400440532013000", separator="", before="iban", gap="_", end="_", after="x", deep=False
)
@example(number="DE89370400440532013000", separator="-", before="", gap=" ", end=" ", after="", deep=True)
def test_a_full_number_is_found_wherever_it_stands(
    number: str, separator: str, before: str, gap: str, end: str, after: str, deep: bool
) -> None:
    """Between any other words, as long as it does not run into them."""
    text = f"{before}{gap}{grouped(number, separator)}{end}{after}"
    data = {"items": [{"name": "tea"}, {"name": text}]} if deep else {"merchant": text}
    assert find_full_account_number(data) == ("/data/items/1/name" if deep else "/data/merchant")


@given(number=ibans)
def test_an_iban_is_found_in_small_letters(number: str) -> None:
    assert find_full_account_number({"reference": number.lower()})


@pytest.mark.parametrize(
    "text",
    [
        "•• 4821", "", "acc-4821", "2026-11-23T09:30:00Z", "1Z999AA10123456784", "00340434161094015902",
        "9400111899223197428490", "+44 20 7946 0958", "R-2026-000123", "DE89 3704", "4111 1111 1111 1112",
    ],
)  # fmt: skip
def test_what_only_looks_long_may_be_sent(text: str) -> None:
    """Masks, phone numbers, and the parcel numbers of UPS, DHL and USPS."""
    assert find_full_account_number({"tracking_number": text}) is None


# -- sealing --------------------------------------------------------------------------------------------------

keys = st.builds(DataKeyMaterial, id=st.uuids(), secret=st.binary(min_size=32, max_size=32))


@given(key=keys, plaintext=st.binary(), aad=st.binary())
def test_what_was_sealed_opens_in_its_place(key: DataKeyMaterial, plaintext: bytes, aad: bytes) -> None:
    sealed = seal(key, plaintext, aad=aad)
    assert open_sealed(key, sealed, aad=aad) == plaintext
    assert open_sealed(key, memoryview(sealed), aad=aad) == plaintext
    assert seal(key, plaintext, aad=aad) != sealed


@given(key=keys, other=keys, plaintext=st.binary(), aad=st.binary(), elsewhere=st.binary())
def test_nowhere_else_and_by_no_other_key(
    key: DataKeyMaterial, other: DataKeyMaterial, plaintext: bytes, aad: bytes, elsewhere: bytes
) -> None:
    sealed = seal(key, plaintext, aad=aad)
    if aad != elsewhere:
        with pytest.raises(CannotOpen):
            open_sealed(key, sealed, aad=elsewhere)
    if key.secret != other.secret:
        with pytest.raises(CannotOpen):
            open_sealed(other, sealed, aad=aad)


@given(key=keys, plaintext=st.binary(max_size=40), data=st.data())
def test_a_changed_or_cut_value_never_opens(
    key: DataKeyMaterial, plaintext: bytes, data: st.DataObject
) -> None:
    sealed = seal(key, plaintext, aad=b"here")
    place = data.draw(st.integers(0, len(sealed) - 1))
    flipped = bytearray(sealed)
    flipped[place] ^= data.draw(st.integers(1, 255))
    for broken in (bytes(flipped), sealed[:place]):
        with pytest.raises(CannotOpen):
            open_sealed(key, broken, aad=b"here")


@given(key_id=st.uuids(), other=st.uuids())
def test_a_wrapped_key_opens_under_its_own_id_only(key_id: UUID, other: UUID) -> None:
    kek_id, wrapped = new_wrapped_key(key_id)
    assert len(unwrap(wrapped, key_id=key_id, kek_id=kek_id).secret) == 32
    for wrong in ({"key_id": other, "kek_id": kek_id}, {"key_id": key_id, "kek_id": "gone"}):
        if wrong["key_id"] != key_id or wrong["kek_id"] != kek_id:
            with pytest.raises(CannotOpen):
                unwrap(wrapped, **wrong)


@given(
    first=st.tuples(st.sampled_from("ab"), st.uuids(), st.text()),
    second=st.tuples(st.sampled_from("ab"), st.uuids(), st.text()),
)
def test_a_blind_index_tells_values_banks_and_purposes_apart(first: Any, second: Any) -> None:
    assert (blind_index(*first) == blind_index(*second)) == (first == second)


# -- identifiers ----------------------------------------------------------------------------------------------


@given(count=st.integers(2, 200), back=st.integers(0, 9))
def test_ids_rise_even_when_the_clock_goes_back_a_little(count: int, back: int) -> None:
    made = [uuid7() for _ in range(count)]
    with time_machine.travel((made[0].int >> 80) / 1000 - back, tick=False):
        made += [uuid7() for _ in range(count)]
    assert made == sorted(set(made))
    assert {(one.version, one.variant) for one in made} == {(7, "specified in RFC 4122")}


@given(ahead=st.integers(20, 10**7))
def test_ids_follow_a_clock_that_was_wrong(ahead: int) -> None:
    """Else whatever asks for "since then" by id would find tomorrow's for as long as the process lives."""
    with time_machine.travel(time.time() + ahead):
        early = uuid7()
    before, made = time.time(), uuid7()
    assert made < early
    assert before - 1 <= (made.int >> 80) / 1000 <= time.time() + 10


@given(prefix=st.sampled_from(["ntf", "grt", "cli"]), value=st.uuids(), text=anything)
def test_a_public_id_reads_back_and_nothing_else_does(prefix: str, value: UUID, text: str) -> None:
    shown = public_id(prefix, value)
    assert parse_public_id(prefix, shown) == value
    for wrong in (text, shown.upper(), f"{shown} ", f"{shown}\n", shown[:-1], shown.replace(prefix, "dlv")):
        with pytest.raises(InvalidPublicId):
            parse_public_id(prefix, wrong)
