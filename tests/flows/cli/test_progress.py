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
        "Conv2D_2: 17 of 100, about 25 s left",
        "Conv2D_2: 34 of 100, about 20 s left",
        "Conv2D_2: 51 of 100, 2 failed, about 15 s left",
        "Conv2D_2: 68 of 100, 2 failed, about 9.6 s left",
        "Conv2D_2: 85 of 100, 2 failed, about 4.5 s left",
        "Conv2D_2: 100 done, 2 failed, 30 s",
    ]
    assert "\x1b" not in err
    assert "\r" not in err


def test_what_is_left_is_renewed_every_five_seconds_where_nobody_tells_anything(
    capfd: pytest.CaptureFixture[str], clock: list[float]
) -> None:
    with Lines() as lines:
        lines.update("Conv2D_2", 0, 4)
        clock[0] += 20
        lines.update("Conv2D_2", 1, 4)
        for _ in range(50):  # ten times as often as something is said
            clock[0] += 0.5
            lines.renew()
    said = capfd.readouterr().err.splitlines()[1:]
    assert said[0] == "Conv2D_2: 1 of 4, about 1 min left"
    assert len(said) == 6
    assert said[1] == "Conv2D_2: 1 of 4, about 55 s left"
    assert said[5] > said[4]  # the second one takes longer than the first did
    assert len(set(said)) == len(said)


def test_a_line_in_which_nothing_is_new_is_not_said_again(
    capfd: pytest.CaptureFixture[str], clock: list[float]
) -> None:
    with Lines() as lines:
        lines.update("Conv2D_2", 0, 4)
        for _ in range(20):
            clock[0] += 5
            lines.renew()
    assert capfd.readouterr().err.splitlines() == ["Conv2D_2", "Conv2D_2: 0 of 4"]


def test_a_layer_that_is_over_at_once_has_one_line_however_often_it_is_told(
    capfd: pytest.CaptureFixture[str], clock: list[float]
) -> None:
    screen = io.StringIO()
    with Lines() as lines, Bars(Console(file=screen, force_terminal=True, width=80, highlight=False)) as bars:
        for one in (lines, bars):
            for done in (0, 16, 16, 16, 0, 16):
                one.update("Conv2D_2", done, 16, of="maps")
        shown = screen.getvalue()
    assert capfd.readouterr().err.splitlines() == ["Conv2D_2: 16 maps done, 0.0 s"]
    assert shown.count("✓ Conv2D_2  16 maps done, 0.0 s") == 1


def test_what_begins_again_and_takes_a_while_is_said_again(
    capfd: pytest.CaptureFixture[str], clock: list[float]
) -> None:
    with Lines() as lines:
        for _ in range(2):
            for done in (0, 1, 2):
                lines.update("Conv2D_2", done, 2)
                clock[0] += 2
    assert capfd.readouterr().err.splitlines() == ["Conv2D_2", "Conv2D_2: 2 done, 4.0 s"] * 2


def test_it_is_said_of_what_so_much_is_done(capfd: pytest.CaptureFixture[str], clock: list[float]) -> None:
    screen = io.StringIO()
    with Lines() as lines, Bars(Console(file=screen, force_terminal=True, width=80, highlight=False)) as bars:
        for one in (lines, bars):
            for done in (0, 4, 10):
                one.update("exemplars", done, 10, of="images")
                clock[0] += 6
                bars._bars.refresh()
        shown = screen.getvalue()
    assert capfd.readouterr().err.splitlines() == [
        "exemplars",
        "exemplars: 4 of 10 images, about 9.0 s left",
        "exemplars: 10 images done, 12 s",
    ]
    assert "4/10 images" in shown
    assert "✓ exemplars  10 images done" in shown


def test_what_somebody_waits_for_is_named_at_once(capfd: pytest.CaptureFixture[str], clock: list[float]) -> None:
    with Lines() as lines:
        lines.update("tracing Conv2D_2", 0, 1)
        assert capfd.readouterr().err.splitlines() == ["tracing Conv2D_2"]
        clock[0] += 4
        lines.update("tracing Conv2D_2", 1, 1)
        lines.update("loading model/one", 0, 1)
        lines.update("loading model/one", 1, 1)
    assert capfd.readouterr().err.splitlines() == ["tracing Conv2D_2: done, 4.0 s", "loading model/one"]


def test_after_a_resume_the_time_left_is_that_of_what_is_left(
    capfd: pytest.CaptureFixture[str], clock: list[float]
) -> None:
    with Lines() as lines:
        lines.update("Conv2D_2", 0, 1000, of="maps")
        for there in range(100, 991, 10):
            lines.update("Conv2D_2", there, 1000, of="maps", there=there)
        for made in (1, 2):
            clock[0] += 20
            lines.update("Conv2D_2", 990 + made, 1000, of="maps", there=990)
    assert capfd.readouterr().err.splitlines()[-1] == "Conv2D_2: 992 of 1,000 maps, about 2 min 40 s left"


def test_lines_are_renewed_by_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.01)
    monkeypatch.setattr(progress, "_LOOK_SECONDS", 0.01)
    said: list[str] = []
    renewed = threading.Event()

    def note(_: Lines, text: str) -> None:
        said.append(text)
        if "0 of 4" in text:
            renewed.set()

    # What is captured while another thread prints may be lost.
    monkeypatch.setattr(Lines, "say", note)
    with Lines() as lines:
        lines.update("Conv2D_2", 0, 4)
        assert renewed.wait(60)
    assert said == ["Conv2D_2", "Conv2D_2: 0 of 4"]


def test_bars_say_how_long_it_still_takes(clock: list[float]) -> None:
    screen = io.StringIO()
    with Bars(Console(file=screen, force_terminal=True, width=120, highlight=False)) as bars:
        bars.update("Conv2D_2", 0, 4)
        clock[0] += 20
        bars.update("Conv2D_2", 1, 4)
        bars._bars.refresh()
        shown = screen.getvalue()
    assert "1 min left" in shown


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
