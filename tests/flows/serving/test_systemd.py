"""The units with which systemd keeps `dreamsweep up` and `dreamsweep worker` running."""

import configparser
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
UNITS = ROOT / "deploy" / "systemd"
COMMANDS = {"dreamsweep.service": ["up"], "dreamsweep-worker@.service": ["worker", "--pool", "%i"]}
"""Each unit, and the command that it runs."""


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not here")
@pytest.mark.parametrize("unit", COMMANDS)
def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path, unit: str) -> None:
    script = tmp_path / "dreamsweep" / ".venv" / "bin" / "dreamsweep"  # the checkout is where the unit says
    script.parent.mkdir(parents=True)
    script.symlink_to(sys.executable)
    done = subprocess.run(
        ["systemd-analyze", "--user", "verify", str(UNITS / unit)],
        env=os.environ | {"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "dreamsweep" not in done.stderr
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_the_unit_leaves_time_to_end_and_holds_no_secret(name: str) -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read_string((UNITS / name).read_text())
    service = unit["Service"]
    assert shlex.split(service["ExecStart"]) == ["%h/dreamsweep/.venv/bin/dreamsweep", *COMMANDS[name]]
    assert service["KillMode"] == "mixed"  # it alone is told, and ends the rest in its order
    assert service["TimeoutStopSec"] == "2min"  # more than flow runs and the server may take
    assert "Environment" not in service
