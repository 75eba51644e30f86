"""A machine that runs out of something while a command is at work."""

import errno
import os
from pathlib import Path

import pytest

from flows.cli import app
from flows.cli.shortage import FILES, MEMORY


def _raise(problem: BaseException) -> None:
    raise RuntimeError("something else") from problem


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        (MemoryError(), MEMORY),
        (OSError(errno.EMFILE, os.strerror(errno.EMFILE)), FILES),
        (OSError(errno.ENFILE, os.strerror(errno.ENFILE)), FILES),
    ],
)
def test_what_there_is_too_little_of_is_said_in_one_line(
    problem: Exception, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("storage.store.Store.runs", lambda _: _raise(problem))
    (tmp_path / "store" / "records").mkdir(parents=True)
    assert app.main(["runs", "--store", str(tmp_path / "store")]) == app.NOT_ALL_WELL
    assert capfd.readouterr().err == f"dreamsweep: {said}\n"
