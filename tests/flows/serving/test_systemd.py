"""The unit with which systemd keeps `dreamsweep up` running."""

import configparser
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
UNIT = ROOT / "deploy" / "systemd" / "dreamsweep.service"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not here")
def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    script = tmp_path / "dreamsweep" / ".venv" / "bin" / "dreamsweep"  # the checkout is where the unit says
    script.parent.mkdir(parents=True)
    script.symlink_to(sys.executable)
    done = subprocess.run(
        ["systemd-analyze", "--user", "verify", str(UNIT)],
        env=os.environ | {"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "dreamsweep" not in done.stderr
    assert done.returncode == 0, done.stderr


def test_the_unit_leaves_time_to_end_and_holds_no_secret() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read_string(UNIT.read_text())
    service = unit["Service"]
    assert shlex.split(service["ExecStart"]) == ["%h/dreamsweep/.venv/bin/dreamsweep", "up"]
    assert service["KillMode"] == "mixed"  # up alone is told, and ends the rest in its order
    assert service["TimeoutStopSec"] == "2min"  # more than flow runs and the server may take
    assert "Environment" not in service
