"""One child process: started so that it cannot outlive the launcher, stopped in its own way."""

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from portal.demo.account import Account
from portal.demo.leftovers import MARK
from portal.demo.refusal import Cancelled, Refusal

PR_SET_PDEATHSIG = 1
LOG_KEPT_BYTES = 5_000_000  # a larger log is set aside as NAME.log.1 at the next start

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(kw_only=True)
class Child:
    """A process to run: what to run, as whom, how to tell it is ready and how to stop it.

    `ready` answers whether the process serves; it is asked again and again and must return at once.
    `home` is the state folder it belongs to, by which the next launcher knows it for one of its own.
    `stop_signal` asks for a clean end; after `grace` seconds the whole process group is killed.
    `death_signal` is what the kernel sends the process when the launcher itself dies, however it dies.
    `restarts` caps how often the supervisor starts it again after a crash; None means without limit.
    """

    name: str
    command: Sequence[str | Path]
    log: Path | None  # None: our own console
    home: Path
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    account: Account = field(default_factory=Account.ours)
    ready: Callable[[], bool] = lambda: True
    before_start: Callable[[], None] = lambda: None
    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: signal.Signals = signal.SIGKILL
    grace: float = 10.0
    restarts: int | None = None
    directory: Path = field(default_factory=Path.cwd)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts the process in a session of its own, its output going to the log.

        Must be called from the main thread: the kernel's death signal follows the thread that forked.
        """
        self.before_start()
        with _output(self.log) as output:
            self.process = subprocess.Popen(
                [str(part) for part in self.command],
                env={**self.environment, MARK: str(self.home)},
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=_die_with(os.getpid(), self.death_signal),
                **self.account.popen_options,
            )

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def wait_ready(self, seconds: float, *, is_cancelled: Callable[[], bool] = lambda: False) -> None:
        """Returns once the process serves.

        Raises Refusal, with the end of the log, when it ends or takes longer than `seconds`; Cancelled when
        `is_cancelled` says so meanwhile.
        """
        deadline = time.monotonic() + seconds
        while not self.ready():
            if is_cancelled():
                raise Cancelled
            if not self.is_running:
                raise Refusal(f"{self.name} ended while starting. {self.last_words()}")
            if time.monotonic() > deadline:
                raise Refusal(f"{self.name} was not ready after {seconds:.0f} s. {self.last_words()}")
            time.sleep(0.03)

    def ask_to_stop(self) -> None:
        """Sends the clean stop signal, to the process alone; it tells its own workers."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(self.stop_signal)

    def finish(self, grace: float | None = None) -> int | None:
        """Waits for the end, kills what is left of the process group, and returns the exit code.

        A killed group is how the workers of a web server whose master crashed are kept from holding the port.
        """
        if self.process is None:
            return None
        try:
            self.process.wait(self.grace if grace is None else grace)
        except subprocess.TimeoutExpired:
            pass
        _kill_group(self.process.pid)
        return self.process.wait()

    def stop(self) -> int | None:
        """Asks, waits, and returns the exit code."""
        self.ask_to_stop()
        return self.finish()

    def last_words(self, lines: int = 12) -> str:
        """The last lines of the log, and where it is."""
        if self.log is None:
            return ""
        try:
            text = self.log.read_text(errors="replace")
        except OSError:
            text = ""
        return "\n".join([f"The end of {self.log}:", *text.splitlines()[-lines:]])


def _output(log: Path | None) -> AbstractContextManager[BinaryIO | None]:
    """The log, opened to be added to; a large one is set aside first."""
    if log is None:
        return nullcontext()
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > LOG_KEPT_BYTES:
        log.replace(log.with_name(log.name + ".1"))
    return log.open("ab")


def die_with_parent(death_signal: signal.Signals) -> None:
    """Asks the kernel to send us `death_signal` when our parent dies (prctl(2))."""
    _libc.prctl(PR_SET_PDEATHSIG, int(death_signal))


def _die_with(parent: int, death_signal: signal.Signals) -> Callable[[], None]:
    """What the child runs between fork and exec. The kernel forgets the request when the uid changes, so it
    is made last, after the switch of account; and a parent that died in between is noticed by the changed
    parent id.
    """

    def in_child() -> None:
        die_with_parent(death_signal)
        if os.getppid() != parent:
            os._exit(1)

    return in_child


def _kill_group(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass  # nothing is left of it
