"""What goes to the terminal, and what is held back from it."""

import io
import json
import logging
import os

import pytest

from flows.cli.terminal import (
    escape,
    hold_back_stderr,
    make_console,
    only_results_on_stdout,
    out,
    print_json,
    say,
    table,
)
from flows.running.printable_log import keep_log_printable
from tests.lib.test_printable import steers


def test_what_libraries_write_to_standard_error_is_held_back(capfd: pytest.CaptureFixture[str]) -> None:
    with hold_back_stderr():
        os.write(2, b"a warning of some library\n")
    os.write(2, b"ours\n")
    assert capfd.readouterr().err == "ours\n"


def fail() -> None:
    with hold_back_stderr():
        os.write(2, b"why it failed\n")
        raise ZeroDivisionError


def test_it_is_shown_where_something_is_raised(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ZeroDivisionError):
        fail()
    assert capfd.readouterr().err == "why it failed\n"


NAME = "\x1b[31mred\x9b \u202egnp.exe caf\udce9"


def test_a_name_steers_no_terminal_whatever_it_is_printed_in(capfd: pytest.CaptureFixture[str]) -> None:
    rows = table("name")
    rows.add_row(NAME)
    with only_results_on_stdout():
        out().print(NAME, markup=False)
        out().print(rows)
        say(NAME)
    printed = "".join(capfd.readouterr())
    assert printed.count("%1B[31mred%C2%9B %E2%80%AEgnp.exe caf%E9") == 3
    assert not steers(printed.replace("\n", ""))


class Screen(io.StringIO):
    """What Rich takes for a terminal."""

    def isatty(self) -> bool:
        return True


def test_what_we_tell_a_terminal_reaches_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    screen = Screen()
    make_console(screen).print("[red]ours[/red]", escape(NAME))
    assert "\x1b[31mours" in screen.getvalue()
    assert "%1B[31mred" in screen.getvalue()


def test_json_says_any_name_as_it_is_in_letters_that_steer_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    with only_results_on_stdout():
        print_json({NAME: [NAME, "Füße\u2028"]})
    text = capfd.readouterr().out
    assert json.loads(text) == {NAME: [NAME, "Füße\u2028"]}
    assert "Füße" in text
    assert not steers(text.replace("\n", ""))


def test_a_log_line_steers_nothing_either(caplog: pytest.LogCaptureFixture) -> None:
    before = logging.getLogRecordFactory()
    keep_log_printable()
    try:
        logging.getLogger("test").warning("%s\nand a second line", NAME)
    finally:
        logging.setLogRecordFactory(before)
    (line,) = caplog.messages
    assert line == "%1B[31mred%C2%9B %E2%80%AEgnp.exe caf%E9\nand a second line"
