"""The main job, played against the real processes: an event reaches the phone, STOP ends it."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from portal.demo.http import call, fetch_token, wait_for
from portal.demo.story import balance


class Play:
    """Uses the last customer of the second bank; prints each step with the seconds since the start."""

    def __init__(self, path: Path, say: Callable[[str], None]) -> None:
        self.demo = json.loads(path.read_text())
        self.partner = self.demo["partners"][1]
        self.customer = self.partner["customers"][-1]
        self.say = say
        self.began = time.monotonic()
        live = next(one for one in self.partner["clients"] if one["environment"] == "live")
        token = fetch_token(self.demo["base_url"], live["client_id"], live["client_secret"])
        self.headers = {"Authorization": f"Bearer {token}"}

    def run(self) -> None:
        """Raises AssertionError or TimeoutError where the story breaks."""
        self._step("the bank got an access token")
        if self._grant()["status"] != "ACTIVE":
            self._step("an earlier check has already ended this grant: only the refusal can be shown")
            self._refused()
            return
        notification = self._event()
        self._step(f"event accepted: {notification['id']}")
        message = wait_for("the message on the phone", lambda: self._on_phone("987.65"))
        self._step(f"on the phone: {message['text']}")
        wait_for("the receipt", lambda: self._has_status(notification["id"], {"DELIVERED", "READ"}))
        self._step("the receipt came back: delivered")
        self._write("STOP")
        wait_for("the end of the grant", lambda: self._grant()["status"] == "REVOKED")
        self._step("the person wrote STOP: the grant is revoked")
        wait_for("the confirmation on the phone", lambda: self._on_phone("Stopped."))
        self._step("the phone shows what stopped")
        self._refused()

    def _event(self) -> dict[str, Any]:
        status, answer = self._send()
        if status != 202:
            raise AssertionError(f"the event was refused: {answer}")
        return answer

    def _refused(self) -> None:
        status, answer = self._send()
        if (status, answer.get("code")) != (403, "no_active_grant"):
            raise AssertionError(f"the next event was not refused: {status} {answer}")
        self._step("the bank's next event is refused: no_active_grant")

    def _send(self) -> tuple[int, Any]:
        account = self.customer["accounts"][0]["ref"]
        body = {
            "customer_ref": self.customer["customer_ref"],
            "template": "balance_update",
            "data": balance(account, "987.65"),
        }
        return call("POST", f"{self.demo['base_url']}/api/v1/notifications", body, self.headers)

    def _on_phone(self, words: str) -> dict[str, Any] | None:
        url = f"{self.demo['sandbox_url']}/inbox?channel=messenger&address={self.customer['address']}"
        _, answer = call("GET", url)
        return next((one for one in answer["data"] if words in (one["text"] or "")), None)

    def _has_status(self, notification_id: str, wanted: set[str]) -> bool:
        url = f"{self.demo['base_url']}/api/v1/notifications/{notification_id}"
        _, answer = call("GET", url, headers=self.headers)
        return answer["status"] in wanted

    def _grant(self) -> dict[str, Any]:
        url = f"{self.demo['base_url']}/api/v1/grants/{self.customer['grant_id']}"
        return call("GET", url, headers=self.headers)[1]

    def _write(self, text: str) -> None:
        body = {"channel": "messenger", "address": self.customer["address"], "text": text}
        status, answer = call("POST", f"{self.demo['sandbox_url']}/inbox/reply", body)
        if status != 200:
            raise AssertionError(f"the phone could not write: {answer}")

    def _step(self, text: str) -> None:
        self.say(f"  {time.monotonic() - self.began:6.2f} s  {text}")
