"""Sends what is due: claims a few, posts them all at once, writes down what came of each as soon as it is known.

A slow endpoint holds its own few places and no others; the rest goes on meanwhile.
"""

import threading
import time
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from datetime import UTC, datetime

from partners.webhooks.actions.claim import Claimed, claim_due, end_stopped
from partners.webhooks.actions.outcome import Result, Sent, write_tries
from partners.webhooks.events import CHALLENGE
from partners.webhooks.post import Answer, Postman
from partners.webhooks.signing import headers, open_data, open_secret, write_body
from partners.webhooks.wake import wake
from portal.vault.crypto import CannotOpen, DataKeyMaterial, unwrap

PLACES = 400  # sends at once in one process
LONGEST_RUN = 20.0  # seconds; then a fresh task goes on
_PULSE = 0.25  # seconds between two looks for more while answers are waited for
_running = threading.Lock()


@dataclass(slots=True)
class _Letter:
    """A claimed delivery, opened and signed."""

    row: Claimed
    key: DataKeyMaterial
    at: datetime
    headers: dict[str, str]
    body: bytes
    token: str  # what has to come back, of a challenge

    def result(self, answer: Answer) -> Result:
        """A challenge is answered by repeating it; anything else by any 2xx."""
        is_right = answer.is_success and self.token.encode() in answer.body
        return Result(self.row, Sent(answer, is_right, self.headers["webhook-signature"], self.key))


def deliver_due(*, seconds: float = LONGEST_RUN) -> int:
    """Sends until nothing is due or the time is up; returns how many deliveries it took. While one run goes on
    in this process, another finds nothing to do.
    """
    if not _running.acquire(blocking=False):
        return 0
    try:
        end_stopped()
        claimed = claim_due(PLACES)
        return _send(claimed, until=time.monotonic() + seconds) if claimed else 0
    finally:
        _running.release()


def _send(claimed: list[Claimed], *, until: float) -> int:
    going: dict[Future[Answer], _Letter] = {}
    taken = 0
    with Postman() as postman:
        while claimed or going:
            taken += len(claimed)
            results = _begin(claimed, going, postman)
            done = wait(going, timeout=0 if results else _PULSE, return_when=FIRST_COMPLETED).done
            write_tries([*results, *(going.pop(one).result(one.result()) for one in done)])
            has_time, places = time.monotonic() < until, PLACES - len(going)
            claimed = claim_due(places) if has_time and places > 0 else []
    if not has_time:
        wake()
    return taken


def _begin(claimed: list[Claimed], going: dict[Future[Answer], _Letter], postman: Postman) -> list[Result]:
    """Posts what can be opened; returns the rest, which ends unsent."""
    unreadable = []
    for row in claimed:
        try:
            letter = _open(row)
        except CannotOpen:
            unreadable.append(Result(row, None))
        else:
            going[postman.post(row.url, letter.headers, letter.body, letter.at)] = letter
    return unreadable


def _open(row: Claimed) -> _Letter:
    bank = _key(row.key_id, row.kek_id, row.wrapped)
    key = bank if row.person_id is None else _key(row.person_key_id, row.person_kek_id, row.person_wrapped)
    data = open_data(key, row.message_id, row.data)
    body = write_body(
        event_type=row.type, at=row.created_at, data=data, sequence=row.sequence, environment=row.environment
    )
    at = datetime.now(UTC)
    secrets = [open_secret(bank, row.endpoint_id, one) for one in (row.secret, row.old_secret) if one]
    signed = headers(secrets, message_id=row.message_id, at=at, body=body)
    return _Letter(row, key, at, signed, body, data["challenge"] if row.type == CHALLENGE else "")


def _key(key_id: object, kek_id: str, wrapped: bytes) -> DataKeyMaterial:
    if key_id is None:
        raise CannotOpen("the key was destroyed")
    return unwrap(wrapped, key_id=key_id, kek_id=kek_id)  # type: ignore[arg-type]
