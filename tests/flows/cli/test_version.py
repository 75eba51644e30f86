"""`dreamsweep --version`: which code this is, at once."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

CHECKOUT = Path(__file__).parents[3]
HEAVY = ("tensorflow", "keras", "prefect", "sqlalchemy", "numpy")


def test_the_version_is_that_of_pyproject_and_imports_nothing_that_takes_long() -> None:
    script = (
        "import sys; from flows.cli import main\n"
        "code = main(['--version'])\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    version = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]["version"]
    assert done.returncode == 0
    assert re.fullmatch(rf"dreamsweep {re.escape(version)} \((no )?commit.+\)\n", done.stdout)
    assert done.stderr == "[]\n"
