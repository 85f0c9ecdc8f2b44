"""Sends what was claimed, all at once, and writes down what came of it in one transaction."""

import asyncio
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

import aiohttp

from consents.actions.give import accounts_place
from consents.actions.link import address_place
from notifications.actions.accept import data_place
from notifications.actions.claim import START_WITHIN, Claimed, claim_due
from notifications.actions.outcome import BREAKER_AFTER, Result, write_results
from notifications.channels import CHANNELS, Answer, Message, Outcome
from notifications.courier import courier
from notifications.pace import Wanted, waits
from notifications.wording import render
from partners.actions.senders import sender_secrets
from portal.vault.crypto import CannotOpen, open_sealed, unwrap


@dataclass(slots=True)
class _Send:
    row: Claimed
    message: Message


def deliver_batch(*, lane: str) -> int:
    """Claims and sends one batch; returns how many rows it took, 0 when nothing is due."""
    start_until = time.monotonic() + START_WITHIN  # taken before the claim, so never later than the row's
    claimed = claim_due(lane=lane)
    rows = [row for row in claimed if row.status == "SENDING"]
    if not rows:
        return len(claimed)
    going, results = _pace(rows)
    sends = []
    for row in going:
        try:
            sends.append(_Send(row, _message(row)))
        except CannotOpen:
            results.append(Result(row, Answer(Outcome.PERMANENT, code="erased"), 0))
    results += courier().run(_send_all(sends, start_until))
    write_results(results)
    return len(claimed)


def _pace(rows: list[Claimed]) -> tuple[list[Claimed], list[Result]]:
    """Who may go now. A sender that kept failing gets one probe, the rest waits for its answer."""
    going, results = [], []
    wanted = [Wanted(row.sender_id.hex, row.rate_per_second, row.account_id.hex) for row in rows]
    probed: set[UUID] = set()
    for row, wait in zip(rows, waits(wanted), strict=True):
        if wait <= 0 and row.breaker_failures >= BREAKER_AFTER:
            wait = 1.0 if row.sender_id in probed else 0.0
            probed.add(row.sender_id)
        if wait > 0:
            results.append(Result(row, None, 0, wait=wait))
        else:
            going.append(row)
    return going, results


def _message(row: Claimed) -> Message:
    if row.key_id is None:
        raise CannotOpen("the key was destroyed")
    key = unwrap(row.wrapped, key_id=row.key_id, kek_id=row.kek_id)
    data = json.loads(open_sealed(key, row.data, aad=data_place(row.notification_id)))
    mask = ""
    if "account" in data:
        accounts = json.loads(open_sealed(key, row.accounts, aad=accounts_place(row.grant_id)))
        mask = next((one["mask"] for one in accounts if one["ref"] == data["account"]), "")
    return Message(
        address=open_sealed(key, row.address, aad=address_place(row.account_id)).decode(),
        text=render(row.body, data, locale=row.locale, mask=mask),
        reference=row.id.hex,
        in_window=bool(row.in_window),
    )


async def _send_all(sends: list[_Send], start_until: float) -> list[Result]:
    """One conversation at a time: the messages of one recipient go in order, different recipients at once."""
    threads: dict[UUID, list[_Send]] = {}
    for send in sends:
        threads.setdefault(send.row.account_id, []).append(send)
    session = courier().session()
    done = await asyncio.gather(*(_send_thread(session, thread, start_until) for thread in threads.values()))
    return [result for thread in done for result in thread]


async def _send_thread(
    http: aiohttp.ClientSession, thread: Iterable[_Send], start_until: float
) -> list[Result]:
    return [await _send_one(http, send, start_until) for send in thread]


async def _send_one(http: aiohttp.ClientSession, send: _Send, start_until: float) -> Result:
    row, began = send.row, time.monotonic()
    if began >= start_until:
        return Result(row, None, 0, wait=0.0)  # too late to begin: it goes back and is judged again
    key = unwrap(row.sender_wrapped, key_id=row.sender_key_id, kek_id=row.sender_kek_id)
    secrets = sender_secrets(row.sender_id, row.secrets, key)
    answer = await CHANNELS[row.channel].send(http, page=row.page, secrets=secrets, message=send.message)
    return Result(row, answer, round((time.monotonic() - began) * 1000))
