"""Webhooks to banks: what happens to a grant, a notification or a bank is told to the bank's own servers."""

from partners.webhooks.actions.emit import Event, emit, emit_many
from partners.webhooks.events import EventType

__all__ = ["Event", "EventType", "emit", "emit_many"]
