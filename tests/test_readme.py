"""README's two commands are what it says they are, and what CI runs.

Source of truth: README.md. (Its code examples run as doctests.)
"""

import re
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
README = (PROJECT / "README.md").read_text(encoding="utf-8")
CI = (PROJECT / ".ci" / "run").read_text(encoding="utf-8")


def command(name):
    """Lines of the code block under the marker `<!-- command: NAME -->`."""
    block = re.search(rf"^<!-- command: {name} -->\n```sh\n(.*?)^```$", README, re.M | re.S)
    return block[1].splitlines() if block else []


@pytest.mark.parametrize("name", ["report", "test"])
def test_a_command_is_a_single_line_that_makes_its_own_environment(name):
    (line,) = command(name)
    assert not line.endswith("\\")
    make, *rest = line.split(" && ")
    assert make == "python3 -m venv .venv"
    assert rest
    assert all(part.startswith(".venv/bin/") for part in rest)


def test_the_first_command_installs_editable_and_runs_the_main_job():
    (line,) = command("report")
    assert "pip install -e '.[plot,excel]'" in line
    assert line.endswith("python -m povertycore report")


def test_the_second_command_installs_editable_and_runs_every_test():
    (line,) = command("test")
    assert "pip install -e '.[test]'" in line
    assert line.endswith("python -m pytest")


@pytest.mark.parametrize("name", ["report", "test"])
def test_ci_runs_the_command_of_the_readme(name):
    told = subprocess.run(
        ["bash", ".ci/readme_command", name],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.splitlines() == command(name)
    assert f'line=$(bash .ci/readme_command {name})\n(eval "$line")' in CI


def test_an_unknown_command_fails():
    told = subprocess.run(
        ["bash", ".ci/readme_command", "nothing"], cwd=PROJECT, capture_output=True, check=False
    )
    assert told.returncode != 0


def test_every_test_file_is_in_the_table_of_the_tests():
    table = (PROJECT / "tests" / "README.md").read_text(encoding="utf-8")
    files = {path.name for path in (PROJECT / "tests").glob("test_*.py")}
    assert {name for name in files if f"`{name}`" not in table} == set()
