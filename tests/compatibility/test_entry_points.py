"""What is installed and written into unit files goes on working after a pull: nobody installs again for it."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
SCRIPT = "import sys\nfrom flows.cli import main\nif __name__ == '__main__':\n    sys.exit(main())\n"
"""What pip has written for the entry point `flows.cli:main`."""


def test_the_entry_point_is_where_installed_scripts_look_for_it() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    assert project["scripts"] == {"dreamsweep": "flows.cli:main"}


def test_main_takes_arguments_and_returns_the_exit_code(capfd: pytest.CaptureFixture[str]) -> None:
    from flows.cli import main

    assert main(["--help"]) == 0
    assert "sweep" in capfd.readouterr().out
    assert main(["no-such-command"]) == 2


@pytest.mark.parametrize("begun", [["-c", SCRIPT], ["-m", "flows.cli"]], ids=["script", "module"])
def test_a_command_is_begun_as_before(begun: list[str]) -> None:
    done = subprocess.run([sys.executable, *begun, "runs", "--help"], cwd=CHECKOUT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Usage: dreamsweep runs" in done.stdout
    wrong = subprocess.run([sys.executable, *begun, "runs", "--nonsense"], cwd=CHECKOUT, capture_output=True)
    assert wrong.returncode == 2
