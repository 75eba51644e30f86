"""Questions of a run at the terminal: a yes goes on, all else does not; without a terminal nobody is asked."""

import io
import os
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


@pytest.fixture
def keyboard(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """What is written to this descriptor is typed at the terminal that is the standard input."""
    ours, theirs = os.openpty()
    with os.fdopen(theirs) as terminal:
        monkeypatch.setattr(sys, "stdin", terminal)
        yield ours
    os.close(ours)


@pytest.mark.parametrize(
    ("typed", "goes_on"),
    [("y\n", True), ("YES\n", True), ("n\n", False), ("\n", False), ("\x04", False), ("maybe\n", False)],
)
def test_only_a_yes_goes_on(typed: str, goes_on: bool, keyboard: int, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = Terminal()
    monkeypatch.setattr(sys, "stderr", shown)
    os.write(keyboard, typed.encode())
    progress = Quiet()
    with asking(progress):
        assert agreed("This takes about 14 h. Begin?") is goes_on
        assert agreed("And this?") is goes_on, "one answer is enough"
    assert shown.getvalue() == "This takes about 14 h. Begin? [y/N] "
    assert progress.stood == 1


def test_while_nobody_answers_the_run_gives_signs_of_life(keyboard: int, monkeypatch: pytest.MonkeyPatch) -> None:
    beats: list[None] = []

    def beat() -> None:
        beats.append(None)
        if len(beats) == 3:
            os.write(keyboard, b"y\n")

    monkeypatch.setattr("flows.cli.asking.beat", beat)
    monkeypatch.setattr("flows.cli.asking.SECONDS_BETWEEN_BEATS", 0.01)
    monkeypatch.setattr(sys, "stderr", Terminal())
    with asking(Quiet()):
        assert agreed("Begin?")
    assert len(beats) >= 3


def test_a_run_in_the_background_of_a_shell_asks_nobody(keyboard: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setattr(os, "tcgetpgrp", lambda _: os.getpgrp() + 1)
    os.write(keyboard, b"n\n")
    with asking(Quiet()):
        assert agreed("Begin?")


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
