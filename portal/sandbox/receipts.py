"""What a phone does by itself after a message arrives: the echo, the delivery and the read receipt."""

import asyncio
import random

from portal.sandbox import events
from portal.sandbox.faults import Fault
from portal.sandbox.state import TO_PERSON, Message, Page, Phone, World
from portal.sandbox.webhooks import Webhooks

ECHO_AFTER_S = (0.005, 0.03)
DELIVERED_AFTER_S = (0.05, 0.15)
READ_AFTER_S = 1.0
CHANCE = random.SystemRandom()
WITHOUT_MIDS = 0.1


class Receipts:
    """Schedules receipts. `fault` is the fault that stood when the message was sent."""

    def __init__(self, world: World, webhooks: Webhooks) -> None:
        self.world = world
        self.webhooks = webhooks

    def follow(self, page: Page, phone: Phone, message: Message, fault: Fault | None) -> None:
        """Plan all that follows one message from the page."""
        if page.echoes and not (fault and fault.drop_echoes):
            event = events.echo(page, phone, message)
            pause = CHANCE.uniform(*ECHO_AFTER_S)
            asyncio.get_running_loop().call_later(pause, self.webhooks.emit, page, event, fault)
        if not (fault and fault.drop_receipts):
            self._plan_receipts(page, phone, message, fault)

    def resume(self) -> None:
        """After a restart: plan the receipts that the end of the process cut off."""
        for phone in self.world.phones.values():
            page = self.world.pages.get(phone.sender)
            if page is None:
                continue
            for message in phone.messages:
                if message.direction == TO_PERSON and message.at > phone.read_to:
                    self._plan_receipts(page, phone, message, None)

    def _plan_receipts(self, page: Page, phone: Phone, message: Message, fault: Fault | None) -> None:
        loop = asyncio.get_running_loop()
        pause = CHANCE.uniform(*DELIVERED_AFTER_S)
        if message.at > phone.delivered_to:
            loop.call_later(pause, self._delivered, page, phone, message, fault)
        loop.call_later(READ_AFTER_S + pause, self._read_by_itself, page, phone, message.at, fault)

    def _delivered(self, page: Page, phone: Phone, message: Message, fault: Fault | None) -> None:
        if message.at > phone.delivered_to:
            phone.delivered_to = message.at
            self.world.phone_changed(phone)
        with_mids = CHANCE.random() >= WITHOUT_MIDS
        with_time = with_mids or CHANCE.random() >= 0.5
        event = events.delivery(phone, message, with_mids=with_mids, with_time=with_time)
        self.webhooks.emit(page, event, fault)

    def _read_by_itself(self, page: Page, phone: Phone, at: int, fault: Fault | None) -> None:
        if phone.auto_read:
            self.read_up_to(page, phone, at, fault)

    def look_at(self, page: Page, phone: Phone) -> bool:
        """The person looks at the conversation: everything in it is read. False when nothing was unread."""
        newest = next((m.at for m in reversed(phone.messages) if m.direction == TO_PERSON), 0)
        return self.read_up_to(page, phone, newest)

    def read_up_to(self, page: Page, phone: Phone, at: int, fault: Fault | None = None) -> bool:
        if at <= phone.read_to:
            return False
        phone.read_to = at
        phone.delivered_to = max(phone.delivered_to, at)
        self.world.phone_changed(phone)
        self.webhooks.emit(page, events.read(phone, watermark=at), fault)
        return True
