"""The Send API: what it takes, what it refuses, and the shape of each answer."""

import hmac
import json
from urllib.parse import urlencode

import pytest

BUTTON = {"type": "web_url", "title": "Open", "url": "https://bank.example/a"}


def buttons(*items: dict, text: str = "Choose") -> dict:
    payload = {"template_type": "button", "text": text, "buttons": list(items)}
    return {"attachment": {"type": "template", "payload": payload}}


def test_text_is_on_the_phone(bank):
    answer = bank.send({"text": "Your balance is up to date.", "metadata": "dlv_1"})
    assert answer.status_code == 200
    assert set(answer.json()) == {"recipient_id", "message_id"}
    assert answer.json()["recipient_id"] == bank.psid
    (shown,) = bank.inbox()
    assert set(shown) == {"id", "at", "channel", "address", "sender", "text", "buttons", "raw"}
    assert shown["id"] == answer.json()["message_id"]
    assert (shown["channel"], shown["address"], shown["sender"]) == ("messenger", bank.psid, bank.page)
    assert shown["text"] == "Your balance is up to date."
    assert shown["raw"]["message"]["metadata"] == "dlv_1"


def test_me_stands_for_the_tokens_page(bank):
    body = {"recipient": {"id": bank.psid}, "messaging_type": "RESPONSE", "message": {"text": "Hi"}}
    assert bank.post(body, "me/messages").status_code == 200
    assert len(bank.inbox()) == 1


def test_form_body_and_token_in_body(bank):
    form = {
        "access_token": bank.token,
        "recipient": json.dumps({"id": bank.psid}),
        "messaging_type": "UPDATE",
        "message": json.dumps({"text": "By form"}),
    }
    assert bank.http.post("/v25.0/me/messages", data=form).status_code == 200
    assert bank.inbox()[0]["text"] == "By form"


def test_button_template_shows_buttons(bank):
    postback = {"type": "postback", "title": "Help", "payload": "HELP"}
    link = {"type": "account_link", "url": "https://bank.example/link"}
    assert bank.send(buttons(BUTTON, postback, link)).status_code == 200
    shown = bank.inbox()[0]
    assert shown["text"] == "Choose"
    assert [(b["type"], b["title"]) for b in shown["buttons"]] == [
        ("web_url", "Open"),
        ("postback", "Help"),
        ("account_link", "Log in"),
    ]


@pytest.mark.parametrize(
    "message",
    [
        {"text": "x" * 1999},
        {"text": "é" * 1999, "metadata": "m" * 999},
        buttons(BUTTON, text="t" * 640),
        buttons({"type": "postback", "title": "t" * 20, "payload": "p" * 1000}),
        buttons({"type": "account_unlink"}),
        buttons({"type": "account_link", "url": "http://127.0.0.1:8000/link"}),
        {"text": "?", "quick_replies": [{"content_type": "text", "title": "Yes", "payload": "Y"}] * 13},
    ],
)
def test_just_within_the_limits(bank, message):
    assert bank.send(message).status_code == 200


@pytest.mark.parametrize(
    "message",
    [
        None,
        {},
        [],
        {"text": ""},
        {"text": "   "},
        {"text": 7},
        {"text": "x" * 2000},
        {"text": "x", "metadata": "m" * 1000},
        {"text": "x", "metadata": {"a": 1}},
        {"text": "x", **buttons(BUTTON)},
        {"attachment": {"type": "image", "payload": {}}},
        {"attachment": {"type": "template", "payload": {"template_type": "utility_messages"}}},
        buttons(),
        buttons(*[BUTTON] * 4),
        buttons(BUTTON, text=""),
        buttons(BUTTON, text="t" * 641),
        buttons({**BUTTON, "title": "t" * 21}),
        buttons({**BUTTON, "title": ""}),
        buttons({**BUTTON, "url": "javascript:alert(1)"}),
        buttons({**BUTTON, "url": "/relative"}),
        buttons({"type": "postback", "title": "No payload"}),
        buttons({"type": "postback", "title": "Long", "payload": "p" * 1001}),
        buttons({"type": "account_link", "url": "http://bank.example/link"}),
        buttons({"type": "account_link", "url": "https://bank.example/link", "title": "Mine"}),
        buttons({"type": "share"}),
        buttons("text"),
        {"text": "?", "quick_replies": [{"content_type": "text", "title": "Yes", "payload": "Y"}] * 14},
        {"text": "?", "quick_replies": [{"content_type": "location"}]},
    ],
)
def test_bad_messages_are_refused_with_100(bank, error_of, message):
    code, _ = error_of(bank.send(message))
    assert code == 100
    assert bank.inbox() == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"recipient": None}, (100, None)),
        ({"recipient": {"id": ""}}, (100, None)),
        ({"recipient": {"id": "404404404"}}, (100, 2018001)),
        ({"messaging_type": None}, (100, None)),
        ({"messaging_type": "NEWS"}, (100, None)),
        ({"messaging_type": "MESSAGE_TAG", "tag": "ACCOUNT_UPDATE"}, (100, None)),
        ({"messaging_type": "MESSAGE_TAG"}, (100, None)),
        ({"tag": "HUMAN_AGENT"}, (100, None)),
    ],
)
def test_bad_requests_are_refused(bank, error_of, changes, expected):
    assert error_of(bank.send("Hello", **changes)) == expected
    assert bank.inbox() == []


def test_broken_json_and_wrong_shapes_are_refused(bank, error_of):
    url = f"/v26.0/me/messages?access_token={bank.token}"
    headers = {"Content-Type": "application/json"}
    for body in (b"{", b"[1]", b'"x"', b"\xff\xfe"):
        assert error_of(bank.http.post(url, content=body, headers=headers))[0] == 100


def test_too_large_a_body_is_refused(bank):
    assert bank.send({"text": "x" * 2_000_000}).status_code == 413


@pytest.mark.parametrize("version", ["v22.0", "v24.0", "v26.0"])
def test_supported_versions(bank, version):
    body = {"recipient": {"id": bank.psid}, "messaging_type": "UPDATE", "message": {"text": "Hi"}}
    answer = bank.http.post(f"/{version}/me/messages", params={"access_token": bank.token}, json=body)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("version", "code"), [("v2.6", None), ("v20.0", 2635), ("v21.0", 2635), ("v99.0", 2500)]
)
def test_retired_and_unknown_versions_are_refused(bank, error_of, version, code):
    answer = bank.http.get(f"/{version}/me", params={"access_token": bank.token})
    if code is None:
        assert answer.status_code == 404
    else:
        assert error_of(answer) == (code, None)


def test_tokens(bank, error_of):
    assert error_of(bank.http.get("/v26.0/me")) == (104, None)
    assert error_of(bank.http.get("/v26.0/me", params={"access_token": "stale"})) == (190, None)
    old = bank.token
    bank.put_page(access_token=old + "-rotated")
    assert error_of(bank.http.get("/v26.0/me", params={"access_token": old})) == (190, None)


def test_a_token_reaches_only_its_own_page(bank, error_of):
    assert error_of(bank.graph("GET", "999")) == (100, 33)
    body = {"recipient": {"id": bank.psid}, "messaging_type": "UPDATE", "message": {"text": "Hi"}}
    assert error_of(bank.post(body, "999/messages")) == (100, 33)


def test_credentials_check(bank, error_of):
    answer = bank.graph("GET", bank.page, {"fields": "name"})
    assert answer.json() == {"name": "First Bank", "id": bank.page}
    assert error_of(bank.graph("GET", "me", {"fields": "salary"})) == (100, None)


def test_proof(bank, error_of):
    bank.put_page(require_proof=True)
    right = hmac.new(bank.secret.encode(), bank.token.encode(), "sha256").hexdigest()
    assert error_of(bank.graph("GET", "me")) == (100, None)
    assert error_of(bank.graph("GET", "me", {"appsecret_proof": "0" * 64})) == (100, None)
    assert bank.graph("GET", "me", {"appsecret_proof": right}).status_code == 200


def test_wrong_proof_is_refused_even_where_none_is_required(bank, error_of):
    assert error_of(bank.graph("GET", "me", {"appsecret_proof": "0" * 64})) == (100, None)


def test_blocked_person(bank, error_of):
    bank.put_person(blocked=True)
    assert error_of(bank.send()) == (551, 1545041)
    assert bank.inbox() == []
    bank.put_person(blocked=False)
    assert bank.send().status_code == 200


def test_rate_limit_and_usage_headers(bank, error_of):
    bank.put_page(rate_per_second=5)
    answers = [bank.send(f"{n}") for n in range(20)]
    assert json.loads(answers[0].headers["X-App-Usage"]).keys() == {
        "call_count",
        "total_time",
        "total_cputime",
    }
    assert "X-Business-Use-Case-Usage" not in answers[0].headers
    refused = [a for a in answers if a.status_code != 200]
    assert refused
    assert len(bank.inbox()) == 20 - len(refused)
    assert error_of(refused[0]) == (613, None)
    usage = json.loads(refused[0].headers["X-Business-Use-Case-Usage"])[bank.page][0]
    assert usage["type"] == "messenger"
    assert usage["call_count"] == 100
    assert usage["estimated_time_to_regain_access"] >= 1


def test_sender_action_needs_no_message(bank):
    answer = bank.post({"recipient": {"id": bank.psid}, "sender_action": "typing_on"})
    assert answer.json() == {"recipient_id": bank.psid}
    assert bank.inbox() == []


def test_unknown_edges_are_refused(bank, error_of):
    assert error_of(bank.post({}, "me/feed"))[0] == 100
    assert error_of(bank.graph("DELETE", "me/messages"))[0] == 100


class TestWindow:
    """24 hours from the person's last action."""

    def test_outside_only_utility_passes(self, bank, error_of):
        bank.put_person(window_open=False)
        assert error_of(bank.send(messaging_type="UPDATE")) == (10, 2018278)
        assert error_of(bank.send(messaging_type="RESPONSE")) == (10, 2018278)
        bank.approved([{"type": "BODY", "text": "Your statement is ready."}])
        template = {"template": {"name": "account_update", "language": {"code": "en"}, "components": []}}
        assert bank.send(template, messaging_type="UTILITY").status_code == 200

    def test_the_persons_message_opens_it(self, bank):
        bank.put_person(window_open=False)
        assert bank.phone_does("reply", text="Hello?").status_code == 200
        assert bank.send(messaging_type="RESPONSE").status_code == 200


class TestBatch:
    def post(self, bank, items, **fields):
        return bank.http.post("/", data={"access_token": bank.token, "batch": json.dumps(items), **fields})

    def item(self, bank, text="Hi", **changes):
        fields = {
            "recipient": json.dumps({"id": bank.psid}),
            "messaging_type": "UPDATE",
            "message": json.dumps({"text": text}),
            **changes,
        }
        return {"method": "POST", "relative_url": "v26.0/me/messages", "body": urlencode(fields)}

    def test_each_item_stands_alone_in_order(self, bank):
        items = [self.item(bank, "one"), self.item(bank, "x" * 2000), self.item(bank, "three")]
        answer = self.post(bank, items)
        assert answer.status_code == 200
        slots = answer.json()
        assert [slot["code"] for slot in slots] == [200, 400, 200]
        assert json.loads(slots[1]["body"])["error"]["code"] == 100
        assert json.loads(slots[0]["body"])["recipient_id"] == bank.psid
        assert {"name", "value"} == set(slots[0]["headers"][0])
        assert [m["text"] for m in bank.inbox()] == ["one", "three"]

    def test_at_most_fifty(self, bank, error_of):
        assert error_of(self.post(bank, [self.item(bank)] * 51)) == (100, None)
        assert bank.inbox() == []
        assert len(self.post(bank, [self.item(bank)] * 50).json()) == 50

    def test_versioned_address_and_json_items(self, bank):
        body = {"recipient": {"id": bank.psid}, "messaging_type": "UPDATE", "message": {"text": "Hi"}}
        items = [
            {"method": "POST", "relative_url": "me/messages", "body": json.dumps(body)},
            {"method": "GET"},
        ]
        answer = bank.http.post("/v26.0/", json={"access_token": bank.token, "batch": items})
        assert [slot["code"] for slot in answer.json()] == [200, 400]

    def test_a_timeout_leaves_a_null_slot(self, bank):
        bank.fault("timeout", count=1)
        slots = self.post(bank, [self.item(bank, "lost reply"), self.item(bank, "fine")]).json()
        assert slots[0] is None
        assert slots[1]["code"] == 200
        assert [m["text"] for m in bank.inbox()] == ["lost reply", "fine"]
