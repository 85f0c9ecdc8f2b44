"""What stands in deploy/ is what the demo runs and what the settings read."""

import re
import shlex
import shutil
import subprocess

import pytest

from portal.demo.processes import WORKERS, _web_options, _worker_options
from tests.settings.production import ROOT, good_environment, run

DEPLOY = ROOT / "deploy"
UNITS = DEPLOY / "systemd"


def commands(unit: str) -> list[list[str]]:
    """The words of a unit's commands, after the Python that runs them."""
    text = (UNITS / unit).read_text().replace("\\\n", " ")
    found = [
        shlex.split(line.partition("=")[2]) for line in text.splitlines() if line.startswith("ExecStart=")
    ]
    assert all(words[0] == "/opt/parley/.venv/bin/python" for words in found)
    return [words[1:] for words in found]


def variables(example: str) -> dict[str, str]:
    """As systemd reads them, and a shell."""
    lines = (DEPLOY / example).read_text().splitlines()
    return dict(shlex.split(line)[0].split("=", 1) for line in lines if line and not line.startswith("#"))


def test_the_web_runs_as_in_the_demo():
    [words] = commands("parley-web.service")

    assert words[:2] == ["-m", "granian"]
    assert sorted(words[2:]) == sorted([*_web_options(8000), "portal.wsgi:application"])


def test_each_queue_has_a_worker_that_runs_as_in_the_demo():
    [words] = commands("parley-worker@.service")
    instances = re.findall(r"parley-worker@(\w+)\.service", (UNITS / "parley.target").read_text())

    assert words[:5] == ["-m", "celery", "-A", "portal.celery", "worker"]
    assert [word.replace("%%", "%") for word in words[5:]] == _worker_options("%i", "%i")
    assert sorted(instances) == sorted(WORKERS)


def test_the_examples_hold_only_variables_that_are_read():
    names = {**variables("parley.env.example"), **variables("owner.env.example")}
    done = run("-c", "from portal import settings; print(*settings.ENVIRONMENT.read)")

    assert set(names) <= set(done.stdout.split())


def test_filled_in_with_secrets_the_example_is_a_good_configuration():
    secrets = ("SECRET_KEY", "PARLEY_KEK", "PARLEY_INDEX_KEY", "PARLEY_PEPPER")
    given = {**variables("parley.env.example"), **{name: good_environment()[name] for name in secrets}}

    done = run("manage.py", "check", "--deploy", "--fail-level", "WARNING", **given)

    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed here")
def test_systemd_understands_the_units(tmp_path):
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\n")
    python.chmod(0o755)
    for unit in UNITS.iterdir():
        name = unit.name.replace("@.", "@urgent.")
        (tmp_path / name).write_text(unit.read_text().replace("/opt/parley/.venv/bin/python", str(python)))

    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *map(str, tmp_path.glob("parley*"))],
        capture_output=True,
        text=True,
        check=False,
    )

    # Elsewhere on the machine there may be units that it complains of.
    assert "parley" not in done.stderr, done.stderr
