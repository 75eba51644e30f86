"""Questions of a run at the terminal: a yes goes on, all else does not; without a terminal nobody is asked."""

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from rich.console import Console

from flows.cli.asking import asking
from flows.cli.progress import Bars, Lines
from tasks.session.asking import agreed


class Terminal(io.StringIO):
    """One that a person sits at."""

    def isatty(self) -> bool:
        return True


class Quiet(Lines):
    """Counts how often its progress stood still."""

    stood = 0

    @contextmanager
    def paused(self) -> Iterator[None]:
        self.stood += 1
        yield


@pytest.mark.parametrize(
    ("typed", "goes_on"),
    [("y\n", True), ("YES\n", True), ("n\n", False), ("\n", False), ("", False), ("maybe\n", False)],
)
def test_only_a_yes_goes_on(typed: str, goes_on: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = Terminal()
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    monkeypatch.setattr(sys, "stderr", shown)
    progress = Quiet()
    with asking(progress):
        assert agreed("This takes about 14 h. Begin?") is goes_on
    assert shown.getvalue() == "This takes about 14 h. Begin? [y/N] "
    assert progress.stood == 1


@pytest.mark.parametrize("name", ["stdin", "stderr"])
def test_without_a_terminal_nobody_is_asked(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for other in ("stdin", "stderr"):
        monkeypatch.setattr(sys, other, Terminal("n\n") if other != name else io.StringIO("n\n"))
    with asking(Quiet()):
        assert agreed("Begin?")


def test_bars_are_away_while_somebody_is_asked_and_come_back() -> None:
    bars = Bars(Console(file=io.StringIO(), force_terminal=True))
    with bars:
        bars.update("growing", 1, 10)
        with bars.paused():
            assert not bars._bars.live.is_started
        assert bars._bars.live.is_started
