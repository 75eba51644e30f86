"""What goes to the terminal, and what is held back from it."""

import os

import pytest

from flows.cli.terminal import hold_back_stderr


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
