"""`dreamsweep notify`: where the address of the webhook is read from. What it does with it: `test_notifications`."""

import io
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.cli.commands.notify import read_address
from lib.errors import BadInput

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
        ((ADDRESS, "--off"), "leave one of them out"),
        (("--file", tmp_path, "--off"), "leave one of them out"),
    ):
        code, _, err = cli("notify", *words)
        assert (code, said in err) == (2, True), err


def test_an_address_on_the_command_line_is_warned_about(
    cli: CLI, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "nonsense")  # so that it ends there
    for words, warned in (((ADDRESS,), True), (("--file", tmp_path / "webhook"), False)):
        (tmp_path / "webhook").write_text(ADDRESS)
        code, _, err = cli("notify", *words)
        assert (code, "warning: other accounts of this machine see" in err, "secret" in err) == (2, warned, False), err
