"""The embedded servers, as real processes: they serve, keep their data, and never outlive the launcher."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from portal.demo.postgres import Postgres
from portal.demo.refusal import Refusal
from portal.demo.state import SOCKET_PATH_LIMIT, State
from portal.demo.valkey import Valkey
from tests.demo.processes import alive_in, eventually, holding_services, run_with_services

pytestmark = pytest.mark.launcher


ONE_QUERY = """
import os, sys, psycopg
with psycopg.connect(os.environ[sys.argv[1]], autocommit=True) as connection:
    cursor = connection.execute(sys.argv[2])
    print(cursor.fetchone()[0] if cursor.description else "")
"""


def query(home: Path, sql: str, *, url: str = "DATABASE_URL") -> str:
    """Runs one query beside the servers in `home`."""
    done = run_with_services(home, sys.executable, "-c", ONE_QUERY, url, sql)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_application_signs_in_without_any_power(home):
    rights = "rolsuper OR rolbypassrls OR rolinherit OR rolcreaterole OR rolcreatedb"

    assert query(home, f"SELECT {rights} FROM pg_roles WHERE rolname = current_user") == "False"
    assert query(home, "SELECT current_user", url="DATABASE_OWNER_URL") == "parley_owner"


def test_data_is_kept_over_a_restart(home):
    query(home, "CREATE TABLE kept AS SELECT 42 AS answer", url="DATABASE_OWNER_URL")

    assert query(home, "SELECT answer FROM kept", url="DATABASE_OWNER_URL") == "42"


def test_the_commands_exit_code_is_passed_on_and_nothing_stays(home):
    assert run_with_services(home, "sh", "-c", "exit 7").returncode == 7
    assert alive_in(home) == []


def test_secrets_are_made_once_and_readable_by_us_alone(home):
    first = run_with_services(home, "sh", "-c", "echo $PARLEY_KEK").stdout
    second = run_with_services(home, "sh", "-c", "echo $PARLEY_KEK").stdout

    assert first == second != "\n"
    assert (home / "secrets.json").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_stop_signal_leaves_nothing(home, number):
    with holding_services(home) as launcher:
        assert {"postgres", "valkey-server"} <= set(alive_in(home))
        subprocess.run(["pkill", "-TERM", "-P", str(launcher.pid), "-x", "sleep"], check=True)
        launcher.send_signal(number)
        launcher.wait(20)

    assert alive_in(home) == []


def test_a_killed_launcher_takes_its_servers_along_and_the_next_start_recovers(home):
    query(home, "CREATE TABLE kept AS SELECT 42 AS answer", url="DATABASE_OWNER_URL")
    with holding_services(home) as launcher:
        launcher.kill()
        launcher.wait()

        eventually(lambda: alive_in(home) == [], seconds=15)

    assert query(home, "SELECT answer FROM kept", url="DATABASE_OWNER_URL") == "42"


def test_a_second_launcher_on_the_same_folder_is_refused_with_a_sentence(home):
    first = State(home)
    first.hold()

    with pytest.raises(Refusal, match="Another launcher is running") as refused:
        State(home).hold()

    assert refused.value.exit_code == 2
    assert State(home).is_held_elsewhere
    first.release()
    assert not State(home).is_held_elsewhere


def test_a_command_beside_a_busy_folder_gets_one_of_its_own(home):
    with holding_services(home):
        beside = run_with_services(home, "sh", "-c", "echo $DATABASE_URL").stdout

    assert f"{home}-2/" in beside


def test_stale_pid_files_that_name_another_program_do_not_bar_the_start(home):
    query(home, "SELECT 1")
    for pid_file in (home / "pg" / "postmaster.pid", home / "s" / ".s.PGSQL.5432.lock"):
        pid_file.write_text(f"{os.getpid()}\n{home}/pg\n{int(time.time())}\n5432\n\n\n\n")

    assert query(home, "SELECT 1") == "1"


def test_a_folder_too_deep_for_a_socket_gets_a_short_private_one(home):
    deep = home / ("d" * 60) / ("e" * 60)
    state = State(deep)
    state.hold()

    sockets = state.socket_folder()

    assert len(str(sockets / ".s.PGSQL.5432")) <= SOCKET_PATH_LIMIT
    assert sockets.stat().st_mode & 0o777 == 0o700
    assert sockets == state.socket_folder()
    sockets.chmod(0o777)
    with pytest.raises(Refusal, match="not a private folder"):
        state.socket_folder()
    sockets.rmdir()
    state.release()


def test_a_crashed_server_starts_again_with_its_data(home):
    state = State(home)
    state.hold()
    postgres, valkey = Postgres(state), Valkey(state)
    for child in (postgres.child, valkey.child):
        child.start()
        child.wait_ready(30)
    try:
        postgres.child.process.kill()
        postgres.child.finish()
        postgres.child.start()
        postgres.child.wait_ready(30)
        postgres.make_roles()
        with psycopg.connect(postgres.url("parley_app")) as connection:
            assert connection.execute("SELECT current_user").fetchone() == ("parley_app",)
        assert valkey.is_ready()
    finally:
        valkey.child.stop()
        assert postgres.child.stop() == 0
        state.release()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands the servers to another account")
def test_root_behind_closed_folders_keeps_the_data_where_the_servers_account_may_enter(home):
    home.parent.chmod(0o700)

    assert query(home, "SELECT 1") == "1"

    place = State(home)._servers_home
    assert not place.is_relative_to(home)
    assert (place / "pg").stat().st_mode & 0o777 == 0o700
    subprocess.run(["rm", "-rf", str(place)], check=True)
