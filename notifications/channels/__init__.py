"""The channels, by kind."""

from notifications.channels.base import Answer, Channel, Message, Outcome
from notifications.channels.messenger.transport import Messenger

CHANNELS: dict[str, Channel] = {"messenger": Messenger()}

__all__ = ["CHANNELS", "Answer", "Channel", "Message", "Outcome"]
