"""Webhooks as Meta sends them: challenge, signature over raw bytes, echoes, receipts, retries, disorder."""

import hashlib
import hmac
import json


def signature_is_right(secret: str, hook) -> bool:
    """Computed here by hand, from the bytes that came over the wire."""
    key = secret.encode().ljust(64, b"\0")
    inner = hashlib.sha256(bytes(b ^ 0x36 for b in key) + hook.body).digest()
    expected = "sha256=" + hashlib.sha256(bytes(b ^ 0x5C for b in key) + inner).hexdigest()
    return hook.headers["X-Hub-Signature-256"] == expected


def test_address_must_echo_the_challenge(hooked, receiver):
    assert receiver.challenges == 1
    state = hooked.put_page(verify_token="wrong")
    assert state["webhook"]["subscribed"] is False
    assert "403" in state["webhook"]["detail"]
    hooked.phone_does("reply", text="Nobody hears this")
    receiver.verify_token = "wrong"
    again = hooked.http.post(f"/pages/{hooked.page}/verify").json()
    assert again["webhook"]["subscribed"] is True
    hooked.phone_does("reply", text="This is heard")
    assert [e["message"]["text"] for e in receiver.wait_for("message")] == ["This is heard"]


def test_unreachable_address_is_reported(bank):
    state = bank.put_page(webhook_url="http://127.0.0.1:9/hooks", verify_token="t")
    assert state["webhook"]["subscribed"] is False
    assert "reached" in state["webhook"]["detail"]


def test_signature_covers_the_raw_escaped_body(hooked, receiver):
    hooked.phone_does("reply", text="Olá, https://bank.example/ação 🎉")
    receiver.wait_for("message")
    (hook,) = receiver.hooks
    assert signature_is_right(hooked.secret, hook)
    assert b"\\u00e1" in hook.body
    assert b"\\/" in hook.body
    assert hook.body.isascii()
    # Whoever hashes a re-serialised document gets another signature.
    again = json.dumps(hook.document, ensure_ascii=False).encode()
    forged = hmac.new(hooked.secret.encode(), again, "sha256").hexdigest()
    assert hook.headers["X-Hub-Signature-256"] != f"sha256={forged}"


def test_envelope_and_message(hooked, receiver):
    hooked.phone_does("reply", text="STOP")
    (event,) = receiver.wait_for("message")
    document = receiver.hooks[0].document
    assert document["object"] == "page"
    assert document["entry"][0]["id"] == hooked.page
    assert isinstance(document["entry"][0]["time"], int)
    assert event["sender"] == {"id": hooked.psid}
    assert event["recipient"] == {"id": hooked.page}
    assert event["timestamp"] > 10**12
    assert event["message"]["text"] == "STOP"
    assert event["message"]["mid"].startswith("m_")


def test_echo_delivery_and_read_follow_a_send(hooked, receiver):
    mid = hooked.send({"text": "Hello", "metadata": "dlv_42"}).json()["message_id"]
    (echo,) = receiver.wait_for("echo")
    assert echo["sender"] == {"id": hooked.page}
    assert echo["recipient"] == {"id": hooked.psid}
    assert echo["message"]["mid"] == mid
    assert echo["message"]["metadata"] == "dlv_42"
    assert isinstance(echo["message"]["app_id"], int)
    (delivery,) = receiver.wait_for("delivery")
    assert delivery["sender"] == {"id": hooked.psid}
    assert delivery["delivery"]["watermark"] >= echo["timestamp"]
    assert delivery["delivery"].get("mids", [mid]) == [mid]
    (read,) = receiver.wait_for("read")
    assert set(read["read"]) == {"watermark"}
    assert read["read"]["watermark"] >= echo["timestamp"]


def test_mids_are_missing_now_and_then(hooked, receiver):
    for number in range(120):
        hooked.send(f"{number}")
    deliveries = receiver.wait_for("delivery", 120)
    with_mids = sum("mids" in e["delivery"] for e in deliveries)
    assert 0 < with_mids < 120
    assert all("watermark" in e["delivery"] for e in deliveries)


def test_echo_of_buttons_carries_the_attachment(hooked, receiver):
    button = {"type": "postback", "title": "Help", "payload": "HELP"}
    payload = {"template_type": "button", "text": "Choose", "buttons": [button]}
    hooked.send({"attachment": {"type": "template", "payload": payload}})
    (echo,) = receiver.wait_for("echo")
    assert echo["message"]["attachments"][0]["payload"]["buttons"] == [button]


def test_echoes_can_be_off(hooked, receiver):
    hooked.put_page(echoes=False)
    hooked.send()
    receiver.wait_for("delivery")
    assert receiver.events("echo") == []


def test_without_auto_read_the_person_must_look(hooked, receiver):
    hooked.put_person(auto_read=False)
    hooked.send("One")
    receiver.wait_for("delivery")
    assert hooked.phone_does("read").json()["changed"] is True
    (read,) = receiver.wait_for("read")
    assert read["sender"] == {"id": hooked.psid}
    assert hooked.phone_does("read").json()["changed"] is False


def test_failures_are_retried_with_the_same_bytes(hooked, receiver):
    receiver.answers += [500, 302]
    hooked.phone_does("reply", text="Keep trying")
    (event,) = receiver.wait_for("message")
    assert event["message"]["text"] == "Keep trying"
    assert receiver.answers == []
    assert len(receiver.hooks) == 1
    assert signature_is_right(hooked.secret, receiver.hooks[0])


def test_events_pile_up_into_one_body(hooked, receiver):
    for number in range(200):
        hooked.send(f"{number}")
    receiver.wait_for("echo", 200)
    assert any(
        sum(len(entry["messaging"]) for entry in hook.document["entry"]) > 1 for hook in receiver.hooks
    )


def test_duplicates(hooked, receiver):
    hooked.fault("none", duplicate_webhooks=True)
    hooked.phone_does("reply", text="Twice")
    first, second = receiver.wait_for("message", 2)
    assert first == second


def test_disorder(hooked, receiver, wait_until):
    hooked.fault("none", shuffle_webhooks=True)
    for number in range(30):
        hooked.phone_does("reply", text=str(number))
    events = receiver.wait_for("message", 30)
    assert len(events) == 30
    assert events != sorted(events, key=lambda e: e["timestamp"])


def test_standby_postbacks_lack_their_payload(hooked, receiver, wait_until):
    hooked.fault("none", standby_webhooks=True)
    hooked.phone_does("reply", payload="HELP")
    (event,) = wait_until(lambda: receiver.parts("standby"))
    assert "payload" not in event["postback"]
    assert receiver.parts("messaging") == []


def test_receipts_and_echoes_can_be_dropped(hooked, receiver):
    hooked.fault("none", drop_receipts=True, drop_echoes=True, count=1)
    hooked.send("Silent")
    mid = hooked.send("Heard").json()["message_id"]
    receiver.wait_for("read")
    assert [e["message"]["mid"] for e in receiver.events("echo")] == [mid]
    assert len(receiver.events("delivery")) == 1
