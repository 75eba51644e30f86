"""Every command of README and docs is run here, or says beside it why it is not."""

import json
import os
import subprocess
import sys

import pytest

from tests.docs.blocks import CHECKOUT, RUN_LANGUAGES, Block, blocks

pytestmark = pytest.mark.heavy

COPIED = [block for block in blocks() if block.language in RUN_LANGUAGES and block.reason is None]


@pytest.fixture(scope="module")
def problems(prefect_server: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str | None]:
    """What went wrong in each block, for one reader who copies all of them, page by page, into one data folder."""
    home = tmp_path_factory.mktemp("reader")
    folder = home / "work"
    folder.mkdir()
    told = [
        {"page": block.page, "language": block.language, "body": block.body, "commands": block.commands}
        for block in COPIED
    ]
    # What these commands do is measured by tests of their own: here it would take 1.4 times as long, for nothing new.
    unmeasured = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_PROCESS")}
    environment = unmeasured | {
        "PREFECT_API_URL": prefect_server,
        "DREAMSWEEP_HOME": str(home / "data"),
        "PYTHONPATH": str(CHECKOUT),
        "BROWSER": "true",  # a browser that shows nothing, for --open
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.docs.reader", str(folder)],
        input=json.dumps(told),
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        cwd=CHECKOUT,
    )
    assert done.returncode == 0
    return dict(zip([block.name for block in COPIED], json.loads(done.stdout), strict=True))


@pytest.mark.parametrize("block", COPIED, ids=[block.name for block in COPIED])
def test_what_a_page_says_can_be_copied_and_works(block: Block, problems: dict[str, str | None]) -> None:
    assert problems[block.name] is None, problems[block.name]
