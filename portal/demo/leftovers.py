"""Ends what an earlier launcher on the same folder left running.

The kernel signals a launcher's children when it dies, but not their children: a web server's workers, say,
when their master was killed. Every child carries the state folder in its environment, and hands it on.
"""

import os
import signal
from pathlib import Path

MARK = "PARLEY_LAUNCHED_FROM"


def end_leftovers(home: Path) -> int:
    """Kills every process, but ours, that was launched from the state folder `home`; returns how many.

    The caller holds the folder's lock, so no launcher that still runs can own them. PostgreSQL writes over
    its environment and is dealt with by its own pid file.
    """
    line = os.fsencode(f"{MARK}={home}")
    found = [pid for pid in _other_pids() if line in _environment(pid)]
    for pid in found:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # it went by itself
    return len(found)


def _other_pids() -> list[int]:
    pids = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return [pid for pid in pids if pid not in (os.getpid(), os.getppid())]


def _environment(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []  # another user's, or gone
