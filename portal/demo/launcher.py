"""The demo's course: everything up, the story told, and at the end everything down."""

import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from portal.demo.addresses import Addresses
from portal.demo.child import die_with_parent
from portal.demo.environment import base_environment, kept_secrets
from portal.demo.leftovers import end_leftovers
from portal.demo.processes import Processes
from portal.demo.refusal import Cancelled, Refusal
from portal.demo.servers import Servers
from portal.demo.state import State
from portal.demo.supervisor import Console, StopRequest, Supervisor


class Launcher:
    """One demo, in one state folder, on one pair of ports. Everything it needs it reads from `surroundings`:
    `DEMO_DIR`, `PORT`, `CHECK`, and the settings' own variables, which it hands on.
    """

    def __init__(self, surroundings: Mapping[str, str]) -> None:
        self.surroundings = base_environment(surroundings)
        self.is_check = surroundings.get("CHECK", "") not in ("", "0")
        self.addresses = Addresses.chosen(surroundings)
        self.state = State(Path(surroundings.get("DEMO_DIR") or "var/demo"))
        self.console = Console()
        self.stop_request = StopRequest()
        self.supervisor = Supervisor(self.state, self.console, self.stop_request)

    def run(self) -> int:
        """Runs until it is stopped, or, as a check, until the check has ended. Returns the exit code."""
        self.stop_request.install()
        if "MAKELEVEL" in self.surroundings:
            die_with_parent(signal.SIGTERM)  # make was killed: it cannot pass that on
        try:
            self.state.hold()
            return self._run_held()
        except Cancelled:
            return 0
        except Refusal as refusal:
            self.console.say(str(refusal).strip())
            return refusal.exit_code
        finally:
            self._stop()

    def _run_held(self) -> int:
        if ended := end_leftovers(self.state.home):
            self.console.say(f"ended {ended} processes that an earlier run left behind")
        self.addresses.check_free()
        servers = Servers(self.state, self.surroundings)
        processes = Processes(self.state, self._environment(servers), self.addresses)
        self._start_everything(servers, processes)
        self.supervisor.run_to_end(processes.command("demo_story"))
        if self.is_check:
            return self.supervisor.run_to_end(processes.command("demo_check"), may_fail=True)
        self.console.say(f"Open {self.addresses.web} and, for the phones, {self.addresses.sandbox}")
        self.console.say(f"Ctrl-C stops everything. Logs are in {self.state.home / 'log'}")
        self.supervisor.run()
        return 0

    def _start_everything(self, servers: Servers, processes: Processes) -> None:
        """The sandbox needs nothing, so it starts beside the servers; the rest waits for the migrations."""
        sandbox, web, workers = processes.sandbox(), processes.web(), processes.workers()
        self.supervisor.start([*servers.children, sandbox])
        self.supervisor.wait_ready(servers.children)
        servers.prepare()
        self.console.say("the database and the broker are ready")
        self.supervisor.run_to_end(processes.migrate())
        self.console.say("the tables are up to date")
        self.supervisor.start([web, *workers])
        self.supervisor.wait_ready([sandbox, web])
        self.console.say(f"the web, the sandbox and {len(workers)} workers are running")

    def _environment(self, servers: Servers) -> dict[str, str]:
        """Kept in the state folder too, for `make shell`."""
        added = {
            "PARLEY_ENV": self.surroundings.get("PARLEY_ENV", "development"),
            "BASE_URL": self.addresses.web,
            "SANDBOX_URL": self.addresses.sandbox,
            "OUTBOUND_ALLOW_LOOPBACK": "1",  # so that a webhook can be tried on this machine
            "DEMO_DIR": str(self.state.home),
            "PORT": str(self.addresses.port),
            **kept_secrets(self.state, self.surroundings),
            **servers.environment,
        }
        self.state.write_private("environment.json", added)
        return {**self.surroundings, **added}

    def _stop(self) -> None:
        if self.supervisor.is_empty:
            self.state.release()
            return
        self.console.say("stopping")
        self.supervisor.stop()
        self.state.release()
        self.console.say("everything has stopped")


def main() -> int:
    """Runs the demo that the environment asks for; returns the exit code."""
    try:
        return Launcher(os.environ).run()
    except Refusal as refusal:
        print(refusal, file=sys.stderr)
        return refusal.exit_code
