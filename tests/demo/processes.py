"""Real processes for the launcher's tests: a program that holds servers, and what is alive of it."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from portal.demo.leftovers import MARK

ROOT = Path(__file__).resolve().parents[2]
RUN_WITH_SERVICES = [sys.executable, "-m", "portal.demo.run_with_services"]


def surroundings(**more: str) -> dict[str, str]:
    """Our environment, without the servers that the test run itself was lent."""
    lent = ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "BROKER_URL", MARK)
    return {**{name: value for name, value in os.environ.items() if name not in lent}, **more}


def run_with_services(home: Path, *command: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Runs a command beside servers in `home`, to its end."""
    return subprocess.run(
        [*RUN_WITH_SERVICES, "--dir", str(home), "--", *command],
        cwd=ROOT,
        env=surroundings(**more),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@contextmanager
def holding_services(home: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A launcher whose servers are up, and that waits to be stopped or killed."""
    ready = home.with_name(home.name + ".ready")
    command = [*RUN_WITH_SERVICES, "--dir", str(home), "--", "sh", "-c", f"touch '{ready}'; exec sleep 60"]
    process = subprocess.Popen(command, cwd=ROOT, env=surroundings())
    try:
        eventually(ready.exists, seconds=30)
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(30)


def alive_in(home: Path) -> list[str]:
    """The names of the processes whose data lies in `home`, or that were launched from it."""
    return [process.name() for process in psutil.process_iter() if _belongs_to(process, home)]


def _belongs_to(process: psutil.Process, home: Path) -> bool:
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        inside = Path(process.cwd()).is_relative_to(home)
        return inside or process.environ().get(MARK) == str(home)
    except psutil.Error:
        return False


def eventually(condition: Callable[[], bool], *, seconds: float) -> None:
    """Waits until the condition holds; fails when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.05)
