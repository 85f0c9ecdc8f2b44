"""UTILITY templates: registration, review, rendering, and the mismatches Meta refuses."""

import pytest

BODY = {
    "type": "BODY",
    "text": "You paid {{1}} at {{2}} today.",
    "example": {"body_text": [["$12.00", "Corner Shop"]]},
}
BUTTONS = {
    "type": "BUTTONS",
    "buttons": [
        {"type": "POSTBACK", "text": "It was not me", "payload": "fraud_{{1}}"},
        {
            "type": "URL",
            "text": "Details",
            "url": "https://bank.example/t/{{1}}",
            "example": {"url_suffix_example": "https://bank.example/t/1"},
        },
        {"type": "PHONE_NUMBER", "text": "Call us", "phone_number": "+15550100"},
    ],
}
TEXTS = {"type": "body", "parameters": [{"type": "text", "text": "$8.10"}, {"type": "text", "text": "Café"}]}
TAPS = {
    "type": "buttons",
    "parameters": [{"type": "POSTBACK", "payload": "77"}, {"type": "URL", "url": "a1"}],
}


def utility(*components: dict, name: str = "account_update", language: object = None, **extra) -> dict:
    code = {"code": "en"} if language is None else language
    return {"template": {"name": name, "language": code, "components": list(components)}, **extra}


def test_review_takes_a_moment_and_is_announced(hooked, wait_until):
    answer = hooked.register([BODY])
    assert answer.status_code == 200
    assert set(answer.json()) == {"id", "status", "category"}
    assert (answer.json()["status"], answer.json()["category"]) == ("PENDING", "UTILITY")
    (change,) = wait_until(lambda: hooked.webhooks.parts("changes"))
    assert change["field"] == "message_template_status_update"
    assert change["value"]["event"] == "APPROVED"
    assert change["value"]["message_template_id"] == int(answer.json()["id"])
    assert change["value"]["message_template_name"] == "account_update"
    assert change["value"]["message_template_language"] == "en"
    assert hooked.templates()[0]["status"] == "APPROVED"


def test_pending_templates_cannot_be_sent(bank, error_of):
    bank.register([BODY])
    assert error_of(bank.send(utility(TEXTS), messaging_type="UTILITY"))[0] == 100


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Get 20% off your next loan today.", "TAG_SHOULD_BE_MARKETING"),
        ("Reply with your full account number now.", "ABUSIVE_CONTENT"),
    ],
)
def test_policy_breaches_are_rejected(hooked, wait_until, text, reason):
    hooked.register([{"type": "BODY", "text": text}])
    (change,) = wait_until(lambda: hooked.webhooks.parts("changes"))
    assert (change["value"]["event"], change["value"]["reason"]) == ("REJECTED", reason)
    assert hooked.templates()[0]["rejected_reason"] == reason


def test_phone_shows_rendered_text_and_buttons(bank):
    bank.approved([{"type": "HEADER", "text": "Card payment"}, BODY, BUTTONS])
    assert bank.send(utility(TEXTS, TAPS), messaging_type="UTILITY").status_code == 200
    shown = bank.inbox()[0]
    assert shown["text"] == "Card payment\n\nYou paid $8.10 at Café today."
    assert shown["buttons"] == [
        {"type": "postback", "title": "It was not me", "payload": "fraud_77"},
        {"type": "web_url", "title": "Details", "url": "https://bank.example/t/a1"},
        {"type": "phone_number", "title": "Call us", "payload": "+15550100"},
    ]


def test_named_parameters(bank, error_of):
    body = {
        "type": "BODY",
        "text": "Order {{order}} for {{person}} is on its way.",
        "example": {
            "body_text_named_params": [
                {"param_name": "order", "example": "1"},
                {"param_name": "person", "example": "Jo"},
            ]
        },
    }
    bank.approved([body], parameter_format="NAMED")
    named = [
        {"type": "text", "parameter_name": "person", "text": "Ana"},
        {"type": "text", "parameter_name": "order", "text": "{{person}}"},
    ]
    sent = bank.send(utility({"type": "body", "parameters": named}), messaging_type="UTILITY")
    assert sent.status_code == 200
    assert bank.inbox()[0]["text"] == "Order {{person}} for Ana is on its way."
    unnamed = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    refused = bank.send(utility({"type": "body", "parameters": unnamed}), messaging_type="UTILITY")
    assert error_of(refused)[0] == 100


@pytest.mark.parametrize(
    ("components", "subcode"),
    [
        ([{"type": "BODY", "text": "{{1}} was paid.", "example": {"body_text": [["x"]]}}], 2388299),
        ([{"type": "BODY", "text": "You paid {{1}}", "example": {"body_text": [["x"]]}}], 2388299),
        ([{"type": "BODY", "text": "Paid {{2}} now.", "example": {"body_text": [["x"]]}}], 2388073),
        (
            [{"type": "BODY", "text": "Paid {{1}} and {{3}} now.", "example": {"body_text": [["x", "y"]]}}],
            2388073,
        ),
        ([{"type": "BODY", "text": "Paid {{1}} now."}], 2388043),
        ([{"type": "BODY", "text": "Paid {{1}} of {{2}} now.", "example": {"body_text": [["x"]]}}], 2388043),
        ([{"type": "BODY", "text": "x" * 1025}], None),
        ([{"type": "BODY", "text": ""}], None),
        ([{"type": "HEADER", "text": "No body"}], None),
        ([BODY, BODY], None),
        ([BODY, {"type": "FOOTER", "text": "x"}], None),
        ([BODY, {"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": "Yes"}]}], 2018416),
        ([BODY, {"type": "BUTTONS", "buttons": [BUTTONS["buttons"][0]] * 4}], None),
        ([BODY, {"type": "BUTTONS", "buttons": [{**BUTTONS["buttons"][0], "example": ["x"]}]}], 2388051),
        ([BODY, {"type": "BUTTONS", "buttons": [{**BUTTONS["buttons"][1], "example": None}]}], 2388043),
        ([BODY, {"type": "BUTTONS", "buttons": [{**BUTTONS["buttons"][1], "url": "ftp://x/{{1}}"}]}], None),
        ("BODY", None),
    ],
)
def test_bad_registrations_are_refused(bank, error_of, components, subcode):
    assert error_of(bank.register(components)) == (100, subcode)
    assert bank.templates() == []


@pytest.mark.parametrize(
    "changes", [{"name": "Not Snake"}, {"language": "English"}, {"category": "MARKETING"}, {"category": None}]
)
def test_bad_identities_are_refused(bank, error_of, changes):
    assert error_of(bank.register([BODY], **changes))[0] == 100


def test_identity_is_name_and_language(bank, error_of):
    assert bank.register([BODY]).status_code == 200
    assert error_of(bank.register([BODY])) == (100, 2388024)
    assert bank.register([BODY], language="pt_BR").status_code == 200
    assert {t["language"] for t in bank.templates()} == {"en", "pt_BR"}


def test_delete_one_language_or_all(bank, error_of):
    numbers = [bank.register([BODY], language=code).json()["id"] for code in ("en", "fr", "de")]
    path = f"{bank.page}/message_templates"
    assert bank.graph("DELETE", path, {"hsm_id": numbers[0]}).json() == {"success": True}
    assert {t["language"] for t in bank.templates()} == {"fr", "de"}
    bank.graph("DELETE", path, {"name": "account_update"})
    assert bank.templates() == []
    assert error_of(bank.graph("DELETE", path, {"name": "account_update"}))[0] == 100


@pytest.mark.parametrize(
    ("message", "subcode"),
    [
        (utility(), None),
        (utility(TAPS), None),
        (utility({"type": "body", "parameters": TEXTS["parameters"][:1]}, TAPS), None),
        (utility({"type": "body", "parameters": TEXTS["parameters"] * 2}, TAPS), None),
        (utility({"type": "body", "parameters": [{"type": "body", "text": "x"}] * 2}, TAPS), None),
        (utility({"type": "body", "parameters": [{"type": "text", "text": ""}] * 2}, TAPS), None),
        (utility(TEXTS), 1893029),
        (utility(TEXTS, {"type": "buttons", "parameters": TAPS["parameters"][:1]}), 1893029),
        (utility(TEXTS, {"type": "buttons", "parameters": TAPS["parameters"][::-1]}), None),
        (utility(TEXTS, {"type": "buttons", "parameters": TAPS["parameters"] * 2}), None),
        (utility(TEXTS, {"type": "header", "parameters": []}, TAPS), None),
        (utility(TEXTS, TAPS, name="other"), None),
        (utility(TEXTS, TAPS, language={"code": "fr"}), None),
        (utility(TEXTS, TAPS, language="en"), None),
        (utility(TEXTS, TAPS, metadata="m" * 1000), None),
        # The habits of WhatsApp.
        (utility(TEXTS, {**TAPS, "index": 0}), None),
        (utility(TEXTS, {**TAPS, "sub_type": "quick_reply"}), None),
        (utility(TEXTS, {**TAPS, "type": "button"}), None),
        (utility(TEXTS, *[{"type": "buttons", "parameters": [p]} for p in TAPS["parameters"]]), None),
        ({"attachment": {"type": "template", "payload": {"template_type": "utility_messages"}}}, None),
        ({"text": "Plain"}, None),
    ],
)
def test_mismatches_are_refused(shared_template, error_of, message, subcode):
    bank = shared_template
    assert error_of(bank.send(message, messaging_type="UTILITY")) == (100, subcode)
    assert bank.inbox() == []


@pytest.fixture(scope="module")
def shared_template(module_bank):
    bank = module_bank
    bank.approved([BODY, BUTTONS])
    return bank


def test_template_needs_messaging_type_utility(shared_template, error_of):
    message = utility(TEXTS, TAPS)
    assert error_of(shared_template.send(message, messaging_type="UPDATE"))[0] == 100
