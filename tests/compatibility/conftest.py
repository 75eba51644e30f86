"""What commit d371d4e left, unpacked, and the command line that goes on with it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.compatibility.make_store import DATA

Ask = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The old data folder, without the database."""
    folder = tmp_path_factory.mktemp("old") / "data"
    shutil.unpack_archive(DATA, folder)  # Python 3.11.2, as in Debian 12, has no filters for archives yet
    return folder


@pytest.fixture
def ask(home: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Run a command in the old data folder, as code without changes, and return its answer; it must end well."""
    from flows.cli import main

    code = {"commit": "c" * 40, "changes": None, "sources": "d" * 64}
    monkeypatch.setattr("tasks.session.session.code_version", lambda: code)
    monkeypatch.chdir(home)

    def answer(*arguments: str) -> dict[str, Any]:
        capfd.readouterr()
        ended = main([*arguments, "--store", "store", "--json"])
        out, err = capfd.readouterr()
        assert ended == 0, err
        return dict(json.loads(out))

    return answer
