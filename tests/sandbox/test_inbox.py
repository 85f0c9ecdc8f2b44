"""The sandbox's own interface: what a phone holds, and what a person does with it."""

import pytest


def with_buttons(*buttons: dict) -> dict:
    payload = {"template_type": "button", "text": "Choose", "buttons": list(buttons)}
    return {"attachment": {"type": "template", "payload": payload}}


def test_inbox_is_in_order_and_holds_only_what_was_received(bank):
    bank.send("One")
    bank.phone_does("reply", text="Mine")
    bank.send("Two")
    assert [m["text"] for m in bank.inbox()] == ["One", "Two"]
    assert [m["text"] for m in bank.inbox(all="1")] == ["One", "Mine", "Two"]
    assert [m["text"] for m in bank.inbox(limit="1")] == ["Two"]


def test_inbox_by_address_alone(bank):
    bank.send("One")
    answer = bank.http.get("/inbox", params={"channel": "messenger", "address": bank.psid})
    assert [m["text"] for m in answer.json()["data"]] == ["One"]
    nobody = bank.http.get("/inbox", params={"channel": "messenger", "address": "nobody"})
    assert nobody.json() == {"data": []}


def test_reply_by_text_and_by_payload(hooked, receiver):
    hooked.send(with_buttons({"type": "postback", "title": "Help me", "payload": "HELP"}))
    assert hooked.phone_does("reply", text="BALANCE").status_code == 200
    assert hooked.phone_does("reply", payload="HELP").json()["text"] == "Help me"
    assert receiver.wait_for("message")[0]["message"]["text"] == "BALANCE"
    (tapped,) = receiver.wait_for("postback")
    assert {k: tapped["postback"][k] for k in ("title", "payload")} == {"title": "Help me", "payload": "HELP"}


def test_sender_may_be_left_out_where_only_one_page_knows_the_address(bank, new_bank):
    body = {"channel": "messenger", "address": bank.psid, "text": "Hi"}
    assert bank.http.post("/inbox/reply", json=body).json()["sender"] == bank.page
    other = new_bank(bank.http)
    bank.http.put(f"/people/{bank.psid}", json={"page_id": other.page})
    assert bank.http.post("/inbox/reply", json=body).status_code == 422


def test_quick_reply_comes_as_a_message(hooked, receiver):
    replies = [{"content_type": "text", "title": "Yes", "payload": "YES_1"}]
    hooked.send({"text": "Was it you?", "quick_replies": replies})
    hooked.phone_does("press", button="Yes")
    (event,) = receiver.wait_for("message")
    assert event["message"]["text"] == "Yes"
    assert event["message"]["quick_reply"] == {"payload": "YES_1"}


def test_press_a_link(bank):
    bank.send(with_buttons({"type": "web_url", "title": "Open", "url": "https://bank.example/a"}))
    answer = bank.phone_does("press", button="Open")
    assert answer.json() == {"type": "web_url", "title": "Open", "url": "https://bank.example/a"}
    assert bank.phone_does("press", button="Close").status_code == 404


def test_blocked_person_must_unblock_first(bank):
    bank.put_person(blocked=True)
    answer = bank.phone_does("reply", text="Hi")
    assert answer.status_code == 409
    assert answer.json()["code"] == "blocked"


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, 422),
        ({"text": ""}, 422),
        ({"text": "a", "payload": "b"}, 422),
        ({"text": 5}, 422),
        ({"text": "a", "channel": "pigeon"}, 422),
        ({"text": "a", "sender": "404"}, 404),
        ({"text": "a", "address": "404"}, 404),
    ],
)
def test_bad_replies(bank, fields, status):
    answer = bank.phone_does("reply", **fields)
    assert answer.status_code == status
    problem = answer.json()
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert problem["status"] == status
    assert problem["detail"]
    assert problem["code"]


def test_unknown_channel_broken_json_and_wrong_method(http):
    assert http.get("/inbox", params={"channel": "pigeon"}).status_code == 422
    assert http.get("/inbox", params={"limit": "many"}).status_code == 422
    assert http.post("/inbox/reply", content=b"{").status_code == 400
    assert http.post("/inbox/reply", content=b"[]").status_code == 400
    assert http.delete("/inbox").status_code == 405
    assert http.get("/nowhere").json()["code"] == "not_found"


def test_provisioning_says_what_is_wrong(bank):
    answer = bank.http.put(
        f"/pages/{bank.page}", json={"webhook_url": "ftp://x", "app_id": "abc", "nme": "x"}
    )
    assert answer.status_code == 422
    assert {e["pointer"] for e in answer.json()["errors"]} == {"/webhook_url", "/app_id", "/nme"}
    assert bank.http.put("/people/1", json={"page_id": "404"}).status_code == 404
    assert bank.http.put("/people/1", json={}).status_code == 422
    assert bank.http.get("/pages/404").status_code == 404


def test_two_pages_cannot_share_a_token(bank):
    answer = bank.http.put("/pages/424242", json={"access_token": bank.token})
    assert answer.status_code == 422
    assert bank.http.get("/pages/424242").status_code == 404


def test_secrets_never_come_out(bank):
    shown = bank.http.get(f"/pages/{bank.page}").text + bank.http.get("/pages").text
    assert bank.token not in shown
    assert bank.secret not in shown


def test_a_phone_keeps_its_newest_200(bank):
    bank.put_page(rate_per_second=10_000)
    for number in range(210):
        bank.send(f"{number}")
    texts = [m["text"] for m in bank.inbox()]
    assert len(texts) == 200
    assert texts[0] == "10"
    assert texts[-1] == "209"
