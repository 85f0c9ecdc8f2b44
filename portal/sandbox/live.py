"""The live page's feed: server-sent events, one `phone` event per phone that changed.

Changes are gathered: the first goes out at once, later ones at most ten times a second, and only for the most
recently active phones, so a flood of sends costs the page little.
"""

import asyncio
import json
from collections.abc import AsyncIterator

from portal.sandbox.state import FROM_PERSON, Message, Page, Phone, SimulatedBank, World
from portal.sandbox.times import rfc3339

SHOWN_PHONES = 12
SHOWN_MESSAGES = 40
PAUSE_S = 0.1
STILL_ALIVE_S = 15
MOST_WATCHERS = 50


class Watcher:
    """One open page. `only` narrows it to a phone's (sender, address)."""

    def __init__(self) -> None:
        self.phones: dict[Phone, None] = {}
        self.faults = False
        self.wake = asyncio.Event()

    def note(self, phone: Phone) -> None:
        self.phones[phone] = None
        self.wake.set()


class Live:
    """Hears of every change in the world and wakes the pages that watch."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._watchers: set[Watcher] = set()

    def bank_changed(self, bank: SimulatedBank) -> None:
        """Banks have no place on the live view."""

    def page_changed(self, page: Page) -> None:
        """Pages have no place on the live view until a phone changes."""

    def message_added(self, phone: Phone, message: Message) -> None:
        """`phone_changed` follows at once."""

    def message_dropped(self, message: Message) -> None:
        """Old bubbles may stay on an open page."""

    def phone_changed(self, phone: Phone) -> None:
        for watcher in self._watchers:
            watcher.note(phone)

    def phone_removed(self, phone: Phone) -> None:
        """An open page keeps it until it is loaded again."""
        for watcher in self._watchers:
            watcher.phones.pop(phone, None)

    def faults_changed(self) -> None:
        for watcher in self._watchers:
            watcher.faults = True
            watcher.wake.set()

    def is_full(self) -> bool:
        return len(self._watchers) >= MOST_WATCHERS

    async def feed(self) -> AsyncIterator[bytes]:
        """Server-sent events until the caller stops listening."""
        watcher = Watcher()
        self._watchers.add(watcher)
        try:
            yield b"retry: 1000\n: connected\n\n"
            while True:
                try:
                    await asyncio.wait_for(watcher.wake.wait(), STILL_ALIVE_S)
                except TimeoutError:
                    yield b": still here\n\n"
                    continue
                watcher.wake.clear()
                yield self._changes(watcher)
                await asyncio.sleep(PAUSE_S)
        finally:
            self._watchers.discard(watcher)

    def _changes(self, watcher: Watcher) -> bytes:
        changed = sorted(watcher.phones, key=lambda phone: phone.active_at)[-SHOWN_PHONES:]
        watcher.phones.clear()
        out = [_event("phone", conversation_json(self.world, phone)) for phone in changed]
        if watcher.faults:
            watcher.faults = False
            out.append(_event("faults", {}))
        return b"".join(out)


def _event(name: str, data: dict) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n".encode()


def conversation_json(world: World, phone: Phone) -> dict:
    """One phone as the page draws it, with its newest messages, oldest first."""
    page = world.pages.get(phone.sender)
    newest = [phone.messages[i] for i in range(-min(SHOWN_MESSAGES, len(phone.messages)), 0)]
    return {
        "key": f"{phone.sender}:{phone.address}",
        "channel": phone.channel,
        "sender": phone.sender,
        "sender_name": page.name if page else phone.sender,
        "address": phone.address,
        "name": phone.name,
        "blocked": phone.blocked,
        "linked": phone.linked,
        "window_open": phone.window_open(),
        "auto_read": phone.auto_read,
        "active_at": phone.active_at,
        "messages": [bubble_json(phone, message) for message in newest],
    }


def bubble_json(phone: Phone, message: Message) -> dict:
    mine = message.direction == FROM_PERSON
    read, delivered = message.at <= phone.read_to, message.at <= phone.delivered_to
    return {
        "id": message.id,
        "at": rfc3339(message.at),
        "mine": mine,
        "text": message.text,
        "buttons": message.buttons,
        "quick_replies": message.quick_replies,
        "status": "" if mine else "read" if read else "delivered" if delivered else "sent",
    }
