"""Whatever stands on a command line is answered in a line, by results or by what to change; never by a traceback."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lib.test_printable import steers

CLI = Callable[..., tuple[int, str, str]]
VALUES = {
    "what steers": "caf\udce9 \x1b[31mred\x9b\x07 \u202e two\nlines %41",
    "what is too long": "a/" * 3000,
    "nobody's home": "~no-such-user/[",
    "a number beyond all limits": "9" * 400,
    "a server that is away": "ftp://me:secret@127.0.0.1:9/x",
}
COMMANDS = [
    *(["show", None], ["show", "x", "--run", None], ["lineage", None], ["export", None, "--out", "out"]),
    *(["gallery", "--out", "out", "--compare", None], ["gallery", "--serve", "--port", None], ["gc", "--grace", None]),
    *(["models", "show", None], ["models", "rename", None, "b"], ["models", "rename", "a", None]),
    *(["models", "remove", None], ["rerun", None], ["rerun", "--budget", None]),
    *(
        ["notify", "--file", None],
        ["up", "--port", None],
        ["deploy", "--pool", None],
        ["worker", "--pool", None],
        ["sweep", "--finish-by", None],
        ["sweep", None],
        [None],
    ),
    *(["sweep", "--model", "none", "--layers", None], ["sweep", "--model", "none", "--timezone", None]),
    *(["sweep", "--model", "none", "--data", None], ["dream", "none", "--objective", None], ["dream", "--from", None]),
    *(["dream", "none", "--mask", None], ["analyse", "--model", "none", "--images", None]),
]
STORES = ["show x", "export x --out out", "gallery --out out", "runs", "verify", "gc", "reindex", "models"]


@pytest.fixture(autouse=True)
def elsewhere(small: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """In a folder of the test's own, since some of these values are names of files."""
    monkeypatch.setenv("DREAMSWEEP_STORE", str(small.root))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return


def check(cli: CLI, words: list[str]) -> str:
    """Give a command, and look at what it says, which is returned."""
    code, out, err = cli(*words)
    assert code in (0, 1, 2), (words, err)
    assert "Traceback" not in out + err, (words, err[-500:])
    assert not steers((out + err).replace("\n", "").replace("\t", "")), (words, err)
    ours = [line for line in err.splitlines() if line.startswith("dreamsweep: ")]
    assert len(ours) == (1 if code == 2 else 0), (words, err)
    assert "unexpected:" not in err, (words, err)
    return out + err


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_no_command_fails_by_a_value_that_nobody_expects(cli: CLI, value: str) -> None:
    for command in COMMANDS:
        check(cli, [value if word is None else word for word in command])


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_no_command_fails_by_the_name_of_a_store(cli: CLI, value: str) -> None:
    for command in STORES:
        assert "secret" not in check(cli, [*command.split(), "--store", value])
