"""Sends what was claimed, all at once, and writes down what came of it in one transaction.

A batch is waited for a second. What takes longer goes on by itself and is written when it comes, so that a
platform that is silent for one bank holds up no other.
"""

import asyncio
import json
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import aiohttp
import structlog
from django.utils import timezone

from consents.actions.link import address_place
from consents.records import accounts_place
from notifications.actions.accept import data_place
from notifications.actions.claim import START_WITHIN, Claimed, claim_due
from notifications.actions.outcome import BREAKER_AFTER, Result, write_results
from notifications.channels import CHANNELS, Answer, Message, Outcome
from notifications.courier import CONNECTIONS, courier
from notifications.late import late_results
from notifications.pace import Wanted, waits
from notifications.wording import render
from partners.actions.senders import sender_secrets
from portal.ids import public_id
from portal.vault.crypto import CannotOpen, open_sealed, unwrap

log = structlog.get_logger(__name__)
PATIENCE = 1.0  # seconds
MOST_IN_FLIGHT = (
    CONNECTIONS // 2
)  # sends of one sender under way: a silent platform leaves room for the others
TURN = 0.05  # seconds until one that found no room is tried again
_in_flight: Counter[UUID] = Counter()  # changed in the courier's loop only


class NotInGrant(Exception):
    """The person has taken the account out of the grant since the notification was accepted."""


@dataclass(slots=True)
class _Send:
    row: Claimed
    message: Message
    secrets: dict[str, Any]


def deliver_batch(*, lane: str) -> int:
    """Claims and sends one batch; returns how many rows it took, 0 when nothing is due."""
    start_until = time.monotonic() + START_WITHIN  # taken before the claim, so never later than the row's
    claimed = claim_due(lane=lane)
    rows = [row for row in claimed if row.status == "SENDING"]
    if not rows:
        return len(claimed)
    going, results = _pace(rows)
    secrets = _secrets(going)
    sends = []
    for row in going:
        try:
            sends.append(_Send(row, _message(row, start_until), secrets[row.sender_id]))
        except CannotOpen:
            results.append(Result(row, Answer(Outcome.PERMANENT, code="erased")))
        except NotInGrant:
            results.append(Result(row, Answer(Outcome.PERMANENT, code="account_not_in_grant")))
    results += courier().run(_send_all(sends))
    write_results(results)
    return len(claimed)


def _pace(rows: list[Claimed]) -> tuple[list[Claimed], list[Result]]:
    """Who may go now. A sender that kept failing gets one probe, the rest waits for its answer."""
    going, results = [], []
    wanted = [Wanted(row.sender_id.hex, row.rate_per_second, row.account_id.hex) for row in rows]
    started: Counter[UUID] = Counter()
    for row, wait in zip(rows, waits(wanted), strict=True):
        most = 1 if row.breaker_failures >= BREAKER_AFTER else MOST_IN_FLIGHT - _in_flight[row.sender_id]
        if wait <= 0 and started[row.sender_id] >= most:
            wait = TURN
        if wait > 0:
            results.append(Result(row, None, wait=wait))
        else:
            started[row.sender_id] += 1
            going.append(row)
    return going, results


def _secrets(rows: list[Claimed]) -> dict[UUID, dict[str, Any]]:
    """Of each sender, opened once."""
    senders = {row.sender_id: row for row in rows}
    return {
        sender_id: sender_secrets(
            sender_id,
            row.secrets,
            unwrap(row.sender_wrapped, key_id=row.sender_key_id, kek_id=row.sender_kek_id),
        )
        for sender_id, row in senders.items()
    }


def _message(row: Claimed, start_until: float) -> Message:
    if row.key_id is None:
        raise CannotOpen("the key was destroyed")
    key = unwrap(row.wrapped, key_id=row.key_id, kek_id=row.kek_id)
    data = json.loads(open_sealed(key, row.data, aad=data_place(row.notification_id)))
    mask = ""
    if "account" in data:
        accounts = json.loads(open_sealed(key, row.accounts, aad=accounts_place(row.grant_id)))
        masks = {one["ref"]: one["mask"] for one in accounts}
        if data["account"] not in masks:
            raise NotInGrant
        mask = masks[data["account"]]
    return Message(
        address=open_sealed(key, row.address, aad=address_place(row.account_id)).decode(),
        text=render(row.body, data, locale=row.locale, mask=mask),
        reference=row.id.hex,
        in_window=bool(row.in_window),
        start_until=start_until,
        why=public_id("dlv", row.id),
        locale=row.locale,
    )


async def _send_all(sends: list[_Send]) -> list[Result]:
    """One conversation at a time: the messages of one recipient go in order, different recipients at once.
    Returns what has come within PATIENCE.
    """
    threads: dict[UUID, list[_Send]] = {}
    for send in sends:
        threads.setdefault(send.row.account_id, []).append(send)
    if not threads:
        return []
    session = courier().session()
    tasks = [asyncio.create_task(_send_thread(session, thread)) for thread in threads.values()]
    done, late = await asyncio.wait(tasks, timeout=PATIENCE)
    if late:
        late_results().expect(len(late))
        for task in late:
            task.add_done_callback(lambda ended: late_results().put(ended.result()))
    return [result for task in done for result in task.result()]


async def _send_thread(http: aiohttp.ClientSession, thread: list[_Send]) -> list[Result]:
    sender_id = thread[0].row.sender_id
    _in_flight[sender_id] += len(thread)
    try:
        return [await _send_one(http, send) for send in thread]
    finally:
        _in_flight[sender_id] -= len(thread)


async def _send_one(http: aiohttp.ClientSession, send: _Send) -> Result:
    row, at, began = send.row, timezone.now(), time.monotonic()
    if began >= send.message.start_until:
        return Result(row, None)  # too late to begin: it goes back and is judged again
    try:
        answer = await CHANNELS[row.channel].send(
            http, page=row.page, secrets=send.secrets, message=send.message
        )
    except Exception:  # a mistake of ours: it must not cost the outcomes of the others
        log.exception("send_failed", delivery=str(row.id))
        answer = Answer(Outcome.UNKNOWN, code="fault")
    return Result(row, answer, at, round((time.monotonic() - began) * 1000))
