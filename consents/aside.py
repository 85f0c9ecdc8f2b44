"""Words of ours in a person's chat that answer nothing they wrote: warnings, receipts. What carries them stands above
and registers here.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from consents.models import LinkedAccount

Button = Mapping[str, str]
Carrier = Callable[[LinkedAccount, str, Sequence[Button], timedelta], bool]
Forgetter = Callable[[LinkedAccount], None]
_carriers: list[Carrier] = []
_forgetters: list[Forgetter] = []


def register_carrier(carrier: Carrier, forgetter: Forgetter) -> None:
    """Called once, when the application that carries them starts. `forgetter` tells the messenger, which may have an
    idea of its own of what is linked.
    """
    _carriers[:], _forgetters[:] = [carrier], [forgetter]


def let_messenger_forget(account: LinkedAccount) -> None:
    """Queues in the current transaction that the messenger forgets the link with this account."""
    _forgetters[0](account)


def tell_in_chat(
    account: LinkedAccount, text: str, buttons: Sequence[Button] = (), *, after: timedelta = timedelta(0)
) -> bool:
    """Queues the words in the current transaction; returns False, and queues nothing, where the messenger lets us
    say nothing (the person has not written for a day, the account is not reachable, its sender is paused), or the
    person has asked us to be discreet.

    `after` so long, so that an answer to what they have just written stands before it.
    `buttons` are Messenger's: `{"type": "web_url", "title", "url"}` or `{"type": "postback", "title", "payload"}`.
    """
    return _carriers[0](account, text, buttons, after)
