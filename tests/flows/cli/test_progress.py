"""Progress: plain lines where nobody looks at a screen, bars where somebody does."""

import io
import threading

import pytest
from rich.console import Console

from flows.cli import progress
from flows.cli.progress import Bars, Lines


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, as its only element."""
    now = [1000.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_lines_come_at_the_beginning_now_and_then_and_at_the_end(
    capfd: pytest.CaptureFixture[str], clock: list[float]
) -> None:
    with Lines() as lines:
        for done in range(101):
            lines.update("Conv2D_2", done, 100, "2 failed" if done > 50 else "")
            clock[0] += 0.3
    out, err = capfd.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "Conv2D_2",
        "Conv2D_2: 34 of 100, about 20 s left",
        "Conv2D_2: 68 of 100, 2 failed, about 9.6 s left",
        "Conv2D_2: 100 done, 2 failed, 30 s",
    ]
    assert "\x1b" not in err
    assert "\r" not in err


def test_bars_fit_into_a_narrow_screen_and_leave_a_line_for_what_is_over() -> None:
    screen = io.StringIO()
    with Bars(Console(file=screen, force_terminal=True, width=80, highlight=False)) as bars:
        for done in range(65):
            bars.update("Conv2D_2", done, 64, "")
        screen_after = screen.getvalue()
    assert "✓ Conv2D_2  64 done" in screen_after


def test_any_thread_may_tell() -> None:
    screen = io.StringIO()
    with Bars(Console(file=screen, force_terminal=True, width=80, highlight=False)) as bars:
        threads = [
            threading.Thread(target=lambda name=name: [bars.update(name, done, 200) for done in range(201)])
            for name in ("one", "two", "three")
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        shown = screen.getvalue()
    assert all(shown.count(f"✓ {name}") == 1 for name in ("one", "two", "three"))
