"""Faults on demand: how the simulated platform misbehaves, per channel and, if wanted, per sender.

`POST /faults {channel, mode, status?, code?, subcode?, count?, latency_ms?}` where mode is

- `none`: behave (with `latency_ms` or an extra: behave slowly, or oddly);
- `timeout`: take the message or not (`accepted`, default true) and never answer;
- `error`: refuse with `code`/`subcode` (default 2, HTTP 500; with a code, HTTP 400) and any `status`;
- `rate_limit`: refuse with 613 (or `code` 4, 80006, 32) and full usage headers;
- `blocked`: refuse as for a person who blocked the page (551/1545041);
- `down`: close every connection at once, or answer `status` (503, say).

The channel `bank` is the banks' own sign-in (see `bank_sign_in`), its `sender` a bank's id.
`count` ends the fault after so many sends. Extras: `sender` narrows it to one page; `accepted`;
`duplicate_webhooks`, `shuffle_webhooks`, `standby_webhooks`, `drop_receipts`, `drop_echoes` change what comes
back for messages sent, and replies written, while the fault stands. A new fault replaces the earlier one of
the same channel and sender; `{channel, mode: "none"}` without sender and extras clears the whole channel.
"""

from dataclasses import asdict, dataclass

from portal.sandbox.fields import FAULTY, Fields

MODES = ("none", "timeout", "error", "rate_limit", "blocked", "down")
EXTRAS = ("duplicate_webhooks", "shuffle_webhooks", "standby_webhooks", "drop_receipts", "drop_echoes")


@dataclass(slots=True)
class Fault:
    channel: str
    mode: str
    sender: str = ""
    status: int | None = None
    code: int | None = None
    subcode: int | None = None
    count: int | None = None
    latency_ms: int = 0
    accepted: bool = True
    duplicate_webhooks: bool = False
    shuffle_webhooks: bool = False
    standby_webhooks: bool = False
    drop_receipts: bool = False
    drop_echoes: bool = False

    def does_nothing(self) -> bool:
        odd = self.mode != "none" or self.latency_ms or any(getattr(self, name) for name in EXTRAS)
        return not odd


class FaultBoard:
    """The faults in force, at most one per (channel, sender); a sender's own wins over the channel's."""

    def __init__(self) -> None:
        self._faults: dict[tuple[str, str], Fault] = {}

    def put(self, fault: Fault) -> None:
        if not fault.does_nothing():
            self._faults[fault.channel, fault.sender] = fault
        elif fault.sender:
            self._faults.pop((fault.channel, fault.sender), None)
        else:
            self._faults = {key: f for key, f in self._faults.items() if key[0] != fault.channel}

    def standing(self, channel: str, sender: str) -> Fault | None:
        """The fault in force for this sender, without using it up."""
        if not self._faults:
            return None
        return self._faults.get((channel, sender)) or self._faults.get((channel, ""))

    def take(self, channel: str, sender: str) -> Fault | None:
        """The fault to apply to one send; counts down and ends the fault after its last."""
        fault = self.standing(channel, sender)
        if fault is None or fault.count is None:
            return fault
        fault.count -= 1
        if fault.count <= 0:
            self._faults.pop((fault.channel, fault.sender), None)
        return fault

    def as_json(self) -> list[dict]:
        return [asdict(fault) for fault in self._faults.values()]


def read_fault(body: dict) -> Fault:
    """Check the body of `POST /faults`. Raises `Problem` 422 naming each wrong field."""
    fields = Fields(body)
    fault = Fault(
        channel=fields.choice("channel", FAULTY),
        mode=fields.choice("mode", MODES),
        sender=fields.text("sender", longest=64),
        status=fields.whole("status", least=200, most=599),
        code=fields.whole("code", least=1, most=10**7),
        subcode=fields.whole("subcode", least=1, most=10**8),
        count=fields.whole("count", least=1, most=10**9),
        latency_ms=fields.whole("latency_ms", 0, most=120_000) or 0,
        accepted=bool(fields.flag("accepted", True)),
        **{name: bool(fields.flag(name)) for name in EXTRAS},
    )
    fields.done()
    return fault
