"""Linking an account both ways: the account_link button, and an m.me link with a reference."""

from urllib.parse import parse_qs, urlsplit

import pytest

BANK_URL = "https://bank.example/link?lang=en"


@pytest.fixture
def offered(hooked):
    """A phone that shows a `Log in` button."""
    button = {"type": "account_link", "url": BANK_URL}
    payload = {"template_type": "button", "text": "Link your account", "buttons": [button]}
    assert hooked.send({"attachment": {"type": "template", "payload": payload}}).status_code == 200
    return hooked


def press(bank) -> tuple[str, str]:
    """Press `Log in`; gives (account_linking_token, redirect_uri) as the bank's page gets them."""
    answer = bank.phone_does("press", button="Log in")
    assert answer.status_code == 200
    url = urlsplit(answer.json()["url"])
    assert f"{url.scheme}://{url.netloc}{url.path}" == "https://bank.example/link"
    query = parse_qs(url.query)
    assert query["lang"] == ["en"]
    return query["account_linking_token"][0], query["redirect_uri"][0]


def test_linking_completes_with_a_code(offered, receiver):
    token, redirect_uri = press(offered)
    whose = offered.graph("GET", "me", {"fields": "recipient", "account_linking_token": token})
    assert whose.json() == {"id": offered.page, "recipient": offered.psid}
    page = offered.http.get(f"{redirect_uri}&authorization_code=abc123")
    assert page.status_code == 200
    assert "Your account is linked" in page.text
    (event,) = receiver.events("account_linking")
    assert event["sender"] == {"id": offered.psid}
    assert event["account_linking"] == {"status": "linked", "authorization_code": "abc123"}
    assert offered.put_person()["linked"] is True


def test_without_a_code_nothing_is_linked(offered, receiver):
    _, redirect_uri = press(offered)
    page = offered.http.get(redirect_uri)
    assert "Nothing was linked" in page.text
    assert offered.put_person()["linked"] is False
    offered.phone_does("reply", text="marker")
    receiver.wait_for("message")
    assert receiver.events("account_linking") == []


def test_a_link_works_once(offered, receiver):
    _, redirect_uri = press(offered)
    offered.http.get(f"{redirect_uri}&authorization_code=first")
    again = offered.http.get(f"{redirect_uri}&authorization_code=second")
    assert again.status_code == 409
    assert len(receiver.events("account_linking")) == 1


def test_linking_aborts_when_the_bank_does_not_acknowledge(offered, receiver):
    _, redirect_uri = press(offered)
    receiver.wait_for("read")
    receiver.answers += [500, 500, 500]
    page = offered.http.get(f"{redirect_uri}&authorization_code=abc")
    assert page.status_code == 502
    assert offered.put_person()["linked"] is False


def test_unknown_and_foreign_tokens(offered, error_of, new_bank):
    token, _ = press(offered)
    asked = {"fields": "recipient", "account_linking_token": "nonsense"}
    assert error_of(offered.graph("GET", "me", asked)) == (10303, None)
    stranger = new_bank(offered.http)
    asked["account_linking_token"] = token
    assert error_of(stranger.graph("GET", "me", asked)) == (10303, None)
    assert offered.http.get("/linking/return?account_linking_token=nonsense").status_code == 404


def test_unlinking_by_the_bank(offered, receiver, error_of):
    _, redirect_uri = press(offered)
    offered.http.get(f"{redirect_uri}&authorization_code=abc")
    answer = offered.post({"psid": offered.psid}, "me/unlink_accounts")
    assert answer.json() == {"result": "unlink account success"}
    events = receiver.wait_for("account_linking", 2)
    assert events[1]["account_linking"] == {"status": "unlinked"}
    assert offered.put_person()["linked"] is False
    assert error_of(offered.post({}, "me/unlink_accounts")) == (100, None)


def test_unlinking_by_the_person(offered, receiver):
    _, redirect_uri = press(offered)
    offered.http.get(f"{redirect_uri}&authorization_code=abc")
    payload = {"template_type": "button", "text": "Bye?", "buttons": [{"type": "account_unlink"}]}
    offered.send({"attachment": {"type": "template", "payload": payload}})
    assert offered.phone_does("press", button="Log out").json() == {
        "type": "account_unlink",
        "title": "Log out",
    }
    events = receiver.wait_for("account_linking", 2)
    assert events[1]["account_linking"] == {"status": "unlinked"}


class TestMme:
    def test_link_page_names_the_bank_and_escapes_the_reference(self, bank):
        page = bank.http.get(f"/m.me/{bank.page}", params={"ref": "<script>alert(1)</script>"})
        assert page.status_code == 200
        assert "First Bank" in page.text
        assert "<script>alert(1)" not in page.text
        assert bank.http.get("/m.me/404404").status_code == 404

    def test_new_person_presses_get_started(self, hooked, receiver):
        answer = hooked.http.post(f"/m.me/{hooked.page}", json={"ref": "lnk_1", "name": "Bruno"})
        assert answer.status_code == 201
        phone = answer.json()
        assert phone["name"] == "Bruno"
        assert phone["window_open"] is True
        (event,) = receiver.wait_for("postback")
        assert event["sender"] == {"id": phone["address"]}
        assert event["postback"]["payload"] == "GET_STARTED"
        assert event["postback"]["referral"] == {"ref": "lnk_1", "source": "SHORTLINK", "type": "OPEN_THREAD"}
        reply = {"channel": "messenger", "sender": hooked.page, "address": phone["address"], "text": "Hello"}
        assert hooked.http.post("/inbox/reply", json=reply).status_code == 200
        body = {
            "recipient": {"id": phone["address"]},
            "messaging_type": "RESPONSE",
            "message": {"text": "Hi"},
        }
        assert hooked.post(body).status_code == 200

    def test_known_person_sends_a_referral(self, hooked, receiver):
        hooked.put_person(window_open=False)
        answer = hooked.http.post(f"/m.me/{hooked.page}", json={"ref": "lnk_2", "psid": hooked.psid})
        assert answer.json()["window_open"] is True
        (event,) = receiver.wait_for("referral")
        assert event["sender"] == {"id": hooked.psid}
        assert event["referral"] == {"ref": "lnk_2", "source": "SHORTLINK", "type": "OPEN_THREAD"}

    def test_form_leads_to_the_phone(self, bank):
        answer = bank.http.post(f"/m.me/{bank.page}", data={"ref": "x", "psid": bank.psid, "name": ""})
        assert answer.status_code == 303
        assert answer.headers["Location"] == f"/?phone={bank.page}:{bank.psid}"

    def test_other_sites_cannot_start_it(self, bank):
        headers = {"Sec-Fetch-Site": "cross-site"}
        answer = bank.http.post(f"/m.me/{bank.page}", data={"ref": "x"}, headers=headers)
        assert answer.status_code == 403
