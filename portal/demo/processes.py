"""The portal's own processes: what runs beside the database and the broker."""

import signal
import sys
from collections.abc import Mapping

from portal.demo.addresses import HOST, Addresses, answers
from portal.demo.child import Child
from portal.demo.state import State

WEB_PROCESSES = 2
WEB_THREADS = 4
# Requests that wait for a thread; more are left in the kernel's queue, where a proxy in front sees them.
WEB_BACKPRESSURE = 32

# A lane has a worker of its own, so that a flood of ordinary messages cannot delay a fraud alert, nor their receipts
# what a person says.
WORKERS = {"urgent": "urgent", "standard": "standard", "people": "people", "events": "events,celery"}


class Processes:
    """Builds the children for one demo: all get `environment`, and listen as `addresses` says."""

    def __init__(self, state: State, environment: Mapping[str, str], addresses: Addresses) -> None:
        self.state = state
        self.environment = environment
        self.addresses = addresses

    def sandbox(self) -> Child:
        port = self.addresses.sandbox_port
        folder = self.state.home / "sandbox"
        return self._child(
            "sandbox",
            ["portal.sandbox", "--host", HOST, "--port", str(port), "--state", str(folder)],
            ready=lambda: answers(port, "/stats"),
        )

    def web(self) -> Child:
        """Its master ends its workers when it is told to, so the kernel tells it rather than kills it."""
        port = self.addresses.port
        return self._child(
            "web",
            ["granian", *_web_options(port), "portal.wsgi:application"],
            ready=lambda: answers(port, "/health/ready"),
            death_signal=signal.SIGTERM,
        )

    def workers(self) -> list[Child]:
        """The delivery lanes, the worker of everything else, and the clock that wakes them."""
        workers = [
            self._child(
                f"worker-{name}",
                ["celery", "-A", "portal.celery", "worker", *_worker_options(name, queues)],
                grace=20.0,  # longer than an answer that is waited for
            )
            for name, queues in WORKERS.items()
        ]
        return [*workers, self._beat()]

    def migrate(self) -> Child:
        """Run to its end, as the owner of the tables, before anything reads them."""
        child = self._manage("migrate", "--no-input", "--verbosity", "0")
        child.environment = {**self.environment, "PARLEY_DB_AS": "owner"}
        return child

    def command(self, name: str) -> Child:
        """A management command that talks to the person at the console."""
        child = self._manage(name)
        child.log = None
        return child

    def _beat(self) -> Child:
        schedule = self.state.home / "beat-schedule"
        return self._child(
            "beat", ["celery", "-A", "portal.celery", "beat", "--pidfile=", "-s", str(schedule), "-l", "INFO"]
        )

    def _manage(self, *words: str) -> Child:
        return Child(
            name=words[0],
            command=[sys.executable, "manage.py", *words],
            log=self.state.log(words[0]),
            home=self.state.home,
            environment=self.environment,
        )

    def _child(self, name: str, module: list[str], **how: object) -> Child:
        return Child(
            name=name,
            command=[sys.executable, "-m", *module],
            log=self.state.log(name),
            home=self.state.home,
            environment=self.environment,
            **how,  # type: ignore[arg-type]
        )


def _web_options(port: int) -> list[str]:
    chosen = {
        "interface": "wsgi",
        "host": HOST,
        "port": port,
        "workers": WEB_PROCESSES,
        "blocking-threads": WEB_THREADS,
        "backpressure": WEB_BACKPRESSURE,
        "workers-kill-timeout": 5,
        "log-level": "warning",
    }
    options = [word for name, value in chosen.items() for word in (f"--{name}", str(value))]
    return [*options, "--no-access-log", "--no-ws", "--respawn-failed-workers"]


def _worker_options(name: str, queues: str) -> list[str]:
    """Threads, because the work waits on the network; one task each, so that none is held back behind
    another.
    """
    chosen = ["-Q", queues, "-n", f"{name}@%h", "--pool", "threads", "--concurrency", "3", "-l", "INFO"]
    return [*chosen, "--prefetch-multiplier", "1", "-O", "fair", "--without-gossip", "--without-mingle"]
