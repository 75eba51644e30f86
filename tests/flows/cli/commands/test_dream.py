"""What `dreamsweep dream` makes of its arguments and of what its flow comes to. The flow itself is tested elsewhere."""

import io
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.flows.cli.flow_in_place import replace_flow

CLI = Callable[..., tuple[int, str, str]]

SUMMARY: dict[str, Any] = {
    "run": "20261122T101530Z-0011223344556677",
    "state": "failed",
    "model": "model/digits-1de27171",
    "objective": "Conv2D_3",
    "mode": "octaves",
    "out": "/dreams",
    "dreams": 3,
    "computed": 1,
    "reused": 1,
    "left": 0,
    "seconds": 61.5,
    "pictures": [
        {"title": "rose.jpg", "files": ["/dreams/rose.jpg.png"]},
        {"title": "[lily].png", "files": ["/dreams/[lily].png.png"]},
    ],
    "extras": [],
    "failures": {"empty.png": "empty.png is empty: the file has 0 bytes"},
}


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The parameters that the flow was given; it comes to `SUMMARY`."""
    return replace_flow("dream", SUMMARY, tmp_path, monkeypatch)


def test_what_was_dreamed_and_what_failed_is_shown(cli: CLI, asked: list[Any], tmp_path: Path) -> None:
    code, out, err = cli("dream", tmp_path, "--out", tmp_path / "dreams")
    assert code == 1, err
    assert out.splitlines() == [
        "/dreams/rose.jpg.png",
        "/dreams/[lily].png.png",
        "failed: empty.png is empty: the file has 0 bytes",
        "1 dream computed, 1 reused; 1 min 2 s",
        "run 20261122T101530Z-0011223344556677 of model/digits-1de27171, Conv2D_3",
    ]


def test_the_json_is_the_summary(cli: CLI, asked: list[Any], tmp_path: Path) -> None:
    code, out, _ = cli("dream", tmp_path, "--out", tmp_path / "dreams", "--json")
    assert (code, json.loads(out)) == (1, SUMMARY)


def test_options_become_the_parameters_of_the_flow(cli: CLI, asked: list[Any], tmp_path: Path) -> None:
    from lib.dream.settings import DreamSettings

    cli("dream", "here", "--out", tmp_path / "dreams")
    (parameters,) = asked
    assert parameters.pictures == [str(tmp_path / "here")]
    assert parameters.settings == DreamSettings()
    assert (parameters.passes, parameters.tour, parameters.animation) == (1, None, None)
    options = ("--mode carve --objective Conv2D_3/56 --rounds 3 --colours grey --passes 5 --zoom 1.05 --animation webp "
               "--patterns *.jpg --budget 30")  # fmt: skip
    cli("dream", "a", "b.png", "--out", tmp_path / "dreams", *options.split())
    parameters = asked[-1]
    assert parameters.pictures == [str(tmp_path / "a"), str(tmp_path / "b.png")]
    assert parameters.settings == DreamSettings(mode="carve", objective="Conv2D_3/56", rounds=3, colours="grey")
    assert (parameters.passes, parameters.zoom, parameters.animation) == (5, 1.05, "webp")
    assert (parameters.patterns, parameters.budget) == (["*.jpg"], 30)


def test_a_list_names_pictures_of_any_name(
    cli: CLI, asked: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.forms.form import path_of

    (tmp_path / "list").write_bytes(b"one.jpg\n\nsub/two words.png\n")
    cli("dream", "--from", tmp_path / "list", "--out", tmp_path / "dreams")
    assert asked[-1].pictures == [str(tmp_path / "one.jpg"), str(tmp_path / "sub/two words.png")]
    odd = [b"caf\xe9.png", b"two\nlines.png"]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\0".join(odd) + b"\0")))
    cli("dream", "--from", "-", "--out", tmp_path / "dreams")
    assert [os.fsencode(path_of(place)) for place in asked[-1].pictures] == [
        os.fsencode(tmp_path) + b"/" + name for name in odd
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "no pictures are named"),
        (("--from", "nowhere"), "nowhere cannot be read"),
        (("x", "--mode", "octave"), "mode is 'octave'; choose from octaves"),
        (("x", "--strength", "1.5"), "strength is 1.5; it must be 0 or more and 1 or less"),
        (("x", "--tour", "Conv2D_3", "--passes", "2"), "a map tour is one pass"),
        (("x", "--animation", "gif"), "an animation shows passes"),
        (("x", "--zoom", "1.1"), "zoom and rotation act between passes"),
        (("x", "--rotation", "2"), "zoom and rotation act between passes"),
        (("x", "--mode", "tiles", "--octave-scale", "2"), "--octave-scale has no effect in mode tiles"),
        (("x", "--mode", "carve", "--overlap", "0.2"), "--overlap has no effect in mode carve"),
        (("x", "--out", "file"), "/file: Not a directory"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_a_line(
    cli: CLI, asked: list[Any], tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    (tmp_path / "file").write_bytes(b"")
    code, out, err = cli("dream", *arguments)
    assert (code, out) == (2, "")
    assert words in err
    assert err.count("\n") == 1
    assert not asked


def test_help_tells_every_option_with_its_default(cli: CLI) -> None:
    code, out, _ = cli("dream", "--help")
    assert code == 0
    plain = " ".join(out.replace("│", " ").split())
    for words in ("PICTURES", "--octaves", "Default: 4.", "--tour", "--mask", "At how many resolutions"):
        assert words in plain
    assert "Default: all maps of the last convolution that sees space. --" in plain
    assert "Undefined" not in plain
