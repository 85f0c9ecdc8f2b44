"""`python -m portal.demo.run_with_services [--attach DIR] [--dir DIR] [--volatile] -- COMMAND …`: lends a command the
servers.

PostgreSQL and Valkey start in DIR (`var/test`), or in the first free of DIR, DIR-2, DIR-3, … so that two
test runs do not meet; the command runs with the variables that name them, and its exit code is ours. With
`--attach`, a demo running in that folder lends its own environment instead, and nothing is started. `--volatile` is
for data that may be lost in a power failure, and faster.
"""

import argparse
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from portal.demo.environment import base_environment, kept_secrets
from portal.demo.leftovers import end_leftovers
from portal.demo.refusal import Cancelled, Refusal
from portal.demo.servers import Servers
from portal.demo.state import State
from portal.demo.supervisor import Console, StopRequest, Supervisor

MOST_SIDE_BY_SIDE = 8


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    try:
        if options.attach is not None and (lent := _environment_of_running(options.attach)):
            return _run(options.command, lent)
        return _run_beside_servers(options)
    except Refusal as refusal:
        print(refusal, file=sys.stderr)
        return refusal.exit_code


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="run_with_services", description="Lends a command PostgreSQL and Valkey."
    )
    parser.add_argument(
        "--dir", type=Path, default=Path("var/test"), help="where the servers keep their data"
    )
    parser.add_argument("--attach", type=Path, help="use the demo running in this folder, if one is")
    parser.add_argument(
        "--volatile", action="store_true", help="do not wait until a disk has what is written"
    )
    parser.add_argument("--env", default="test", help="PARLEY_ENV for the command")
    parser.add_argument("command", nargs="+")
    return parser.parse_args(arguments)


def _environment_of_running(home: Path) -> dict[str, str] | None:
    state = State(home)
    if not state.is_held_elsewhere:
        return None
    kept = state.read("environment.json")
    return None if kept is None else {**base_environment(), **kept}


def _run_beside_servers(options: argparse.Namespace) -> int:
    surroundings = base_environment()
    state = _first_free(options.dir)
    stop = StopRequest()
    stop.install()
    supervisor = Supervisor(state, Console(), stop)
    try:
        end_leftovers(state.home)
        servers = Servers(state, surroundings, is_volatile=options.volatile)
        supervisor.start(servers.children)
        supervisor.wait_ready(servers.children)
        servers.prepare()
        secrets = kept_secrets(state, surroundings)
        environment = {"PARLEY_ENV": options.env, **surroundings, **secrets, **servers.environment}
        return _run(options.command, environment)
    except Cancelled:
        return 128 + signal.SIGINT
    finally:
        supervisor.stop()
        state.release()


def _first_free(home: Path) -> State:
    for number in range(1, MOST_SIDE_BY_SIDE + 1):
        state = State(home if number == 1 else home.with_name(f"{home.name}-{number}"))
        try:
            state.hold()
        except Refusal:
            continue
        return state
    raise Refusal(f"{MOST_SIDE_BY_SIDE} runs already go on beside {home}. Wait for one to end.", exit_code=2)


def _run(command: Sequence[str], environment: dict[str, str]) -> int:
    """Runs the command in our own terminal, so Ctrl-C reaches it too; SIGTERM is passed on. We outlive it."""
    process = subprocess.Popen(command, env=environment)
    signal.signal(signal.SIGINT, lambda *_: None)
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    code = process.wait()
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main())
