"""The launcher's own rules: what it refuses before anything starts, and how it treats children that crash."""

import signal
import socket
import sys
from pathlib import Path

import pytest

from portal.demo.addresses import HOST, Addresses
from portal.demo.child import Child
from portal.demo.launcher import Launcher
from portal.demo.leftovers import end_leftovers
from portal.demo.refusal import Cancelled, Refusal
from portal.demo.state import State
from portal.demo.supervisor import Console, StopRequest, Supervisor
from tests.demo.processes import alive_in, eventually, surroundings

pytestmark = pytest.mark.launcher


@pytest.fixture
def supervisor(home):
    state = State(home)
    state.hold()
    supervisor = Supervisor(state, Console(), StopRequest())
    yield supervisor
    supervisor.stop()
    state.release()


def child(home: Path, program: str, **how) -> Child:
    return Child(
        name="worker",
        command=[sys.executable, "-c", program],
        log=home / "log" / "worker.log",
        home=home,
        environment=surroundings(),
        **how,
    )


SLEEP = "import time; time.sleep(60)"


@pytest.mark.parametrize("port", ["abc", "0", "65535", "-1", "8000.5"])
def test_a_port_that_is_none_is_refused(port):
    with pytest.raises(Refusal, match="is no port") as refused:
        Addresses.chosen({"PORT": port})

    assert refused.value.exit_code == 2


def test_a_busy_port_is_refused_before_anything_starts(home, capsys):
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]

        code = Launcher({"PORT": str(port - 1), "DEMO_DIR": str(home)}).run()

    assert code == 2
    assert f"Port {port} is taken" in capsys.readouterr().out
    assert not (home / "pg").exists()


def test_a_child_that_crashes_is_started_again_after_a_pause(supervisor, home, capsys):
    worker = child(home, SLEEP)
    supervisor.start([worker])
    crashed = worker.process
    crashed.kill()

    eventually(lambda: supervisor.watch_once() or worker.process is not crashed, seconds=5)

    assert worker.is_running
    assert "worker ended (SIGKILL); starting it again in 1 s" in capsys.readouterr().out


def test_a_child_that_crashes_too_often_ends_the_run_with_its_last_words(supervisor, home):
    supervisor.start([child(home, "import sys; sys.exit('no more paper')", restarts=0)])

    with pytest.raises(Refusal, match="no more paper"):
        eventually(lambda: supervisor.watch_once() is not None, seconds=5)


def test_a_child_that_will_not_stop_is_killed(supervisor, home):
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True)"
    worker = child(home, f"{deaf}; {SLEEP}", grace=0.3)
    supervisor.start([worker])
    eventually(lambda: worker.log.read_text() != "", seconds=5)

    supervisor.stop()

    assert worker.process.returncode == -signal.SIGKILL


def test_a_killed_masters_workers_go_with_it(supervisor, home):
    master = child(home, f"import subprocess, sys; subprocess.run([sys.executable, '-c', {SLEEP!r}])")
    supervisor.start([master])
    eventually(lambda: len(alive_in(home)) == 2, seconds=5)

    master.process.kill()

    eventually(lambda: supervisor.watch_once() or alive_in(home) == [], seconds=5)


def test_what_an_earlier_launcher_left_is_ended(home):
    home.mkdir()
    (home / "log").mkdir()
    left = child(home, SLEEP)
    left.start()

    assert end_leftovers(home) == 1
    assert left.process.wait(5) == -signal.SIGKILL
    assert end_leftovers(home) == 0


def test_stopping_interrupts_a_wait(supervisor, home):
    never = child(home, SLEEP, ready=lambda: False)
    supervisor.start([never])
    supervisor.stop_request._receive(signal.SIGTERM, None)

    with pytest.raises(Cancelled):
        supervisor.wait_ready([never])


def test_a_command_that_fails_is_shown_with_the_end_of_its_log(supervisor, home):
    with pytest.raises(Refusal, match="exit code 3") as refused:
        supervisor.run_to_end(child(home, "print('what went wrong'); raise SystemExit(3)"))

    assert "what went wrong" in str(refused.value)
