"""`dreamsweep notify`: where the address is read from, and `--test`. What `up` does with it: `test_notifications`."""

import io
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flows.cli.commands.notify import read_address
from flows.forms.places import DATA_FOLDER
from flows.serving.notify_settings import turn_off
from lib.errors import BadInput
from tests.flows.serving.listening import webhook

CLI = Callable[..., tuple[int, str, str]]
ADDRESS = "https://hooks.example.com/secret"


def test_it_is_read_from_a_file_or_the_first_line_of_standard_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "webhook").write_text(f"  {ADDRESS}\n")
    assert read_address(tmp_path / "webhook") == ADDRESS
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(f"{ADDRESS}\r\nmore".encode())))
    assert read_address(None) == ADDRESS


def test_what_holds_none_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "empty").write_bytes(b" \n")
    for name, said in (("pipe", "is no file"), ("empty", "holds no address"), ("none", "cannot be read")):
        with pytest.raises(BadInput, match=said):
            read_address(tmp_path / name)


def test_two_addresses_or_one_to_turn_it_off_are_refused(cli: CLI, tmp_path: Path) -> None:
    for words, said in (
        ((ADDRESS, "--file", tmp_path), "the address is given twice"),
        ((ADDRESS, "--off"), "leave it out, or all else"),
        (("--file", tmp_path, "--off"), "leave it out, or all else"),
        (("--on", "all", "--off"), "leave it out, or all else"),
        (("--test", "--off"), "leave it out, or all else"),
        (("--on", "some"), "some"),
    ):
        code, _, err = cli("notify", *words)
        assert (code, said in err) == (2, True), err


@pytest.fixture
def off() -> Iterator[None]:
    """It is off when a test has ended."""
    yield
    turn_off(DATA_FOLDER / "prefect")


@pytest.mark.usefixtures("off")
def test_an_address_on_the_command_line_is_warned_about(cli: CLI, tmp_path: Path) -> None:
    for words, warned in (((ADDRESS,), True), (("--file", tmp_path / "webhook"), False)):
        (tmp_path / "webhook").write_text(ADDRESS)
        code, _, err = cli("notify", *words)
        assert (code, "warning: other accounts of this machine see" in err, "secret" in err) == (0, warned, False), err


@pytest.mark.usefixtures("off")
def test_test_sends_a_message_now_or_says_why_that_cannot_be(cli: CLI, tmp_path: Path) -> None:
    with webhook() as hook:
        (tmp_path / "webhook").write_text(hook.url)
        code, out, err = cli("notify", "--file", tmp_path / "webhook", "--on", "all", "--test", "--json")
        assert (code, json.loads(out)) == (0, {"on": True, "which": "all", "sent": True}), err
        (heard,) = hook.heard
        assert "this is a test" in heard["text"]
        hook.refusing = True
        code, _, err = cli("notify", "--test")
        assert (code, "dreamsweep: the webhook answers 503" in err, "secret" in err) == (1, True, False), err
    code, out, err = cli("notify")
    assert (code, "on: webhook is told of all flow runs" in err) == (0, True), err
