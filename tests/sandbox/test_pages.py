"""The pages people look at, over HTTP: headers, files, the live feed."""

import json
import re
import threading
import time
from urllib.parse import urlencode

import httpx
import pytest


@pytest.mark.parametrize("path", ["/", "/help"])
def test_pages_carry_a_strict_policy_and_use_only_own_files(http, path):
    page = http.get(path)
    assert page.status_code == 200
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "simulated platform" in page.text
    assert not re.search(r"\son\w+=|\sstyle=|<style|<script(?! type=\"module\" src=)", page.text)
    for link in re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text):
        assert http.get(link).status_code == 200


def test_only_own_files_are_served(http):
    assert http.get("/static/main.js").headers["Content-Type"].startswith("text/javascript")
    for name in ("index.html", "..%2f__main__.py", "%2e%2e%2fapp.py", "missing.css"):
        assert http.get(f"/static/{name}").status_code == 404


def until_the_clock_ticks() -> None:
    """The platform counts in milliseconds."""
    now = time.time_ns() // 1_000_000
    while time.time_ns() // 1_000_000 == now:
        pass


def test_phones_are_listed_newest_first_and_can_be_searched(bank, new_bank):
    other = new_bank(bank.http, name="Second Bank")
    other.put_person(name="Zoë Zeta")
    until_the_clock_ticks()
    bank.send("Newest")
    keys = [p["key"] for p in bank.http.get("/phones").json()["data"]]
    assert keys[0] == f"{bank.page}:{bank.psid}"
    assert len(keys) <= 12
    found = bank.http.get("/phones", params={"q": "zoë"}).json()["data"]
    assert f"{other.page}:{other.psid}" in [p["key"] for p in found]
    (alone,) = bank.http.get("/phones", params={"phone": f"{bank.page}:{bank.psid}"}).json()["data"]
    assert [m["text"] for m in alone["messages"]] == ["Newest"]
    assert alone["sender_name"] == "First Bank"


def test_a_burst_makes_a_phone_no_newer_than_it_is(bank, new_bank):
    """Each message of a phone has a millisecond of its own, so those of a burst run ahead of the clock."""
    busy = new_bank(bank.http, name="Busy Bank")
    more = {"recipient": json.dumps({"id": busy.psid}), "message": json.dumps({"text": "More"})}
    one = {
        "method": "POST",
        "relative_url": "me/messages",
        "body": urlencode({**more, "messaging_type": "UPDATE"}),
    }
    for _ in range(4):
        answer = bank.http.post("/v26.0/", json={"access_token": busy.token, "batch": [one] * 50})
        assert [part["code"] for part in answer.json()] == [200] * 50
    until_the_clock_ticks()
    bank.send("Newest")
    assert bank.http.get("/phones").json()["data"][0]["key"] == f"{bank.page}:{bank.psid}"


def test_feed_brings_messages_and_ticks_as_they_happen(bank, sandbox_url, wait_until):
    seen: list[dict] = []
    connected = threading.Event()

    def listen() -> None:
        with httpx.stream("GET", f"{sandbox_url}/events", timeout=10) as feed:
            for line in feed.iter_lines():
                connected.set()
                if line.startswith("data: "):
                    seen.append(json.loads(line[6:]))
                if any(m["status"] == "read" for m in bubbles()):
                    return

    def bubbles() -> list[dict]:
        return [m for p in seen if p.get("address") == bank.psid for m in p["messages"]]

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    assert connected.wait(5)
    bank.send("Live")
    wait_until(lambda: [m for m in bubbles() if m["text"] == "Live"])
    listener.join(timeout=5)
    assert {"sent", "delivered", "read"} == {m["status"] for m in bubbles()}


def test_opening_a_login_button_redirects_with_a_token(bank):
    button = {"type": "account_link", "url": "https://bank.example/link"}
    payload = {"template_type": "button", "text": "Link", "buttons": [button]}
    bank.send({"attachment": {"type": "template", "payload": payload}})
    where = {"channel": "messenger", "sender": bank.page, "address": bank.psid, "button": "Log in"}
    answer = bank.http.get("/inbox/open", params=where)
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("https://bank.example/link?account_linking_token=")
