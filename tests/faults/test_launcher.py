"""`python -m portal.demo` itself: what it leaves in its folder, and how it ends and begins again."""

import pytest

from tests.demo.processes import alive_in
from tests.faults.kit import ARRIVED, BALANCE, is_reply, own_demo, until

pytestmark = pytest.mark.faults

PERSON = {"email", "password"}
STAFF = {*PERSON, "totp_secret"}
PARTNER = {"id", "name", "slug", "members", "clients", "customers"}
CLIENT = {"environment", "client_id", "client_secret", "scopes"}
CUSTOMER = {"customer_ref", "person_email", "grant_id", "clusters", "accounts", "channel", "address"}


@pytest.fixture(scope="module")
def second():
    """A demo beside the shared one."""
    with own_demo(is_from_nothing=True) as demo:
        yield demo


@pytest.fixture
def running(second):
    """Started, if it is not running."""
    if second.launcher is None or second.launcher.poll() is not None:
        second.start()
    return second


def phones(demo):
    """The notifications on all of them: receipts and answers come beside those."""
    shown = demo.http.get(f"{demo.sandbox}/inbox").json()["data"]
    return [one for one in shown if not is_reply(one)]


def test_demo_json_has_every_field_of_the_contract(demo):
    found = demo.facts

    assert set(found) == {"base_url", "sandbox_url", "staff", "partners", "people"}
    assert (found["base_url"], found["sandbox_url"]) == (demo.web, demo.sandbox)
    assert [set(one) for one in found["staff"]] == [STAFF] * 2
    assert all(set(one) == PERSON for one in found["people"])
    assert [set(one) for one in found["partners"]] == [PARTNER] * 2
    for partner in found["partners"]:
        assert {frozenset(one) for one in partner["members"]} == {frozenset({*STAFF, "role"})}
        assert {frozenset(one) for one in partner["clients"]} == {frozenset(CLIENT)}
        assert {one["environment"] for one in partner["clients"]} == {"live", "sandbox"}
        assert {frozenset(one) for one in partner["customers"]} == {frozenset(CUSTOMER)}
        accounts = [account for customer in partner["customers"] for account in customer["accounts"]]
        assert {frozenset(account) for account in accounts} == {frozenset({"ref", "mask", "type"})}


def test_the_storys_people_are_linked_on_their_phones_too(demo):
    for partner, page in zip(demo.facts["partners"], ("1001", "1002"), strict=True):
        for one in partner["customers"]:
            phone = demo.http.get(f"{demo.sandbox}/people/{one['address']}", params={"page_id": page})
            assert phone.json()["linked"] is True


def test_two_demos_side_by_side_share_nothing_and_one_ends_without_the_other(demo, running):
    assert demo.is_whole()
    until(running.is_whole, seconds=30, what="the second demo")
    assert len(until(lambda: len(phones(running)) >= 4 and phones(running), seconds=20)) == 4
    assert demo.facts["partners"][0]["id"] != running.facts["partners"][0]["id"]

    assert running.stop() == 0

    assert alive_in(running.home) == []
    assert demo.is_whole()


def test_a_later_start_keeps_the_data_and_follows_other_ports(running):
    until(lambda: len(phones(running)) == 4, seconds=20, what="the story's messages")
    before = (running.facts, [one["id"] for one in phones(running)])
    assert running.stop() == 0

    running.choose_ports()
    running.start()

    moved = before[0] | {"base_url": running.web, "sandbox_url": running.sandbox}
    assert moved != before[0]
    assert (running.facts, [one["id"] for one in phones(running)]) == (moved, before[1])
    site = running.http.get(f"{running.sandbox}/banks/norden").json()
    assert site["redirect_uris"] == [f"{running.web}/me/banks/callback/norden"]
    client = running.facts["partners"][0]["clients"][0]
    answer = running.http.post(
        f"{running.web}/oauth/token",
        data={"grant_type": "client_credentials"},
        auth=(client["client_id"], client["client_secret"]),
    )
    headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    kept = running.http.get(f"{running.web}/api/v1/notifications", headers=headers).json()["data"]
    assert [one["status"] in ARRIVED for one in kept] == [True, True]
    # The platform calls the pages at their new address
    addresses = [
        page["webhook"]["url"] for page in running.http.get(f"{running.sandbox}/pages").json()["data"]
    ]
    assert len(addresses) == 2
    assert all(one.startswith(f"{running.web}/hooks/messenger/") for one in addresses)
    customer = before[0]["partners"][0]["customers"][0]
    answer = running.http.post(
        f"{running.web}/api/v1/notifications",
        headers=headers,
        json={
            "grant_id": customer["grant_id"],
            "template": "balance_update",
            "data": BALANCE | {"account": customer["accounts"][0]["ref"]},
        },
    )
    path = f"{running.web}/api/v1/notifications/{answer.json()['id']}"
    until(
        lambda: running.http.get(path, headers=headers).json()["status"] == "READ",
        seconds=20,
        what="a receipt",
    )


def test_a_start_right_after_the_launcher_was_killed_works_and_its_end_leaves_nothing(running):
    until(running.is_whole, seconds=30, what="the demo")
    running.launcher.kill()
    running.launcher.wait()

    running.start()

    until(running.is_whole, seconds=30, what="the demo after the kill")
    assert running.stop() == 0
    assert alive_in(running.home) == []
