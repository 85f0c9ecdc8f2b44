"""Keeping the sandbox's state in SQLite, so that a second start has its phones again.

Changes are gathered in memory and written twice a second by a thread of their own; a killed process loses at
most that half second. Tokens and secrets of simulated pages are kept as they are: nothing here is real.
"""

import asyncio
import json
import logging
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, fields
from pathlib import Path

from portal.sandbox.state import Message, Page, Phone, SimulatedBank, Template, World

log = logging.getLogger(__name__)

FLUSH_EVERY_S = 0.5
SCHEMA = """
CREATE TABLE IF NOT EXISTS bank (id TEXT PRIMARY KEY, doc TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS page (id TEXT PRIMARY KEY, doc TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS phone (channel TEXT, sender TEXT, address TEXT, doc TEXT NOT NULL,
    PRIMARY KEY (channel, sender, address)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS message (seq INTEGER PRIMARY KEY, channel TEXT NOT NULL, sender TEXT NOT NULL,
    address TEXT NOT NULL, doc TEXT NOT NULL);
"""
PHONE_FIELDS = [f.name for f in fields(Phone) if f.name not in ("channel", "sender", "address", "messages")]
MESSAGE_FIELDS = [f.name for f in fields(Message) if f.name not in ("seq", "dropped")]


class Store:
    """A listener of the world. `load` first, then `start`; `close` writes what is left."""

    def __init__(self, directory: Path, world: World) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.world = world
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        self._db = sqlite3.connect(directory / "sandbox.sqlite3", check_same_thread=False)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=OFF")
        self._db.executescript(SCHEMA)
        self._banks: dict[str, SimulatedBank] = {}
        self._pages: dict[str, Page] = {}
        self._phones: dict[Phone, None] = {}
        self._removed: list[tuple[str, str, str]] = []
        self._added: list[tuple[Phone, Message]] = []
        self._dropped: list[int] = []
        self._task: asyncio.Task | None = None

    def bank_changed(self, bank: SimulatedBank) -> None:
        self._banks[bank.id] = bank

    def page_changed(self, page: Page) -> None:
        self._pages[page.id] = page

    def phone_changed(self, phone: Phone) -> None:
        self._phones[phone] = None

    def phone_removed(self, phone: Phone) -> None:
        self._phones.pop(phone, None)
        self._removed.append(phone.key)

    def message_added(self, phone: Phone, message: Message) -> None:
        self._added.append((phone, message))

    def message_dropped(self, message: Message) -> None:
        self._dropped.append(message.seq)

    def load(self) -> None:
        """Fill the world with what was kept."""
        for (doc,) in self._db.execute("SELECT doc FROM bank"):
            self.world.put_bank(SimulatedBank(**json.loads(doc)))
        for (doc,) in self._db.execute("SELECT doc FROM page"):
            self.world.put_page(_read_page(json.loads(doc)))
        for channel, sender, address, doc in self._db.execute("SELECT * FROM phone"):
            self.world.put_phone(Phone(channel, sender, address, **json.loads(doc)))
        rows = self._db.execute(
            "SELECT channel, sender, address, seq, doc FROM message ORDER BY seq"
        ).fetchall()
        for channel, sender, address, seq, doc in rows:
            phone = self.world.phone(sender, address, channel)
            if phone is not None:
                self.world.restore_message(phone, Message(seq=seq, **json.loads(doc)))

    def start(self) -> None:
        self.world.listeners.append(self)
        self._task = asyncio.create_task(self._flush_for_ever())

    async def close(self) -> None:
        if self._task:
            self._task.cancel()
        await self._flush()
        self._thread.shutdown()
        self._db.close()

    async def _flush_for_ever(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_EVERY_S)
            try:
                await self._flush()
            except sqlite3.Error:
                log.exception("the sandbox's state could not be written")

    async def _flush(self) -> None:
        """Take what changed and write it in the store's own thread."""
        banks = [asdict(bank) for bank in self._banks.values()]
        pages = [_page_doc(page) for page in self._pages.values()]
        phones = [
            (*phone.key, {name: getattr(phone, name) for name in PHONE_FIELDS}) for phone in self._phones
        ]
        added, dropped, removed = self._added, self._dropped, self._removed
        self._banks, self._pages, self._phones = {}, {}, {}
        self._added, self._dropped, self._removed = [], [], []
        if banks or pages or phones or added or dropped or removed:
            await asyncio.get_running_loop().run_in_executor(
                self._thread, self._write, banks, pages, phones, added, dropped, removed
            )

    def _write(
        self,
        banks: list[dict],
        pages: list[dict],
        phones: list[tuple],
        added: list[tuple[Phone, Message]],
        dropped: list[int],
        removed: list[tuple[str, str, str]],
    ) -> None:
        """A phone that was removed may have been made anew since, so it goes before those that changed come."""
        dump = json.dumps
        with self._db:
            self._db.executemany(
                "DELETE FROM phone WHERE channel = ? AND sender = ? AND address = ?", removed
            )
            self._db.executemany("REPLACE INTO bank VALUES (?, ?)", [(b["id"], dump(b)) for b in banks])
            self._db.executemany("REPLACE INTO page VALUES (?, ?)", [(p["id"], dump(p)) for p in pages])
            self._db.executemany(
                "REPLACE INTO phone VALUES (?, ?, ?, ?)", [(*row[:3], dump(row[3])) for row in phones]
            )
            self._db.executemany(
                "INSERT INTO message VALUES (?, ?, ?, ?, ?)",
                [
                    (m.seq, *phone.key, dump({name: getattr(m, name) for name in MESSAGE_FIELDS}))
                    for phone, m in added
                    if not m.dropped
                ],
            )
            self._db.executemany("DELETE FROM message WHERE seq = ?", [(seq,) for seq in dropped])


def _page_doc(page: Page) -> dict:
    doc = {f.name: getattr(page, f.name) for f in fields(Page) if f.name != "templates"}
    doc["templates"] = [asdict(template) for template in page.templates.values()]
    return doc


def _read_page(doc: dict) -> Page:
    templates = [Template(**one) for one in doc.pop("templates")]
    return Page(**doc, templates={(t.name, t.language): t for t in templates})
