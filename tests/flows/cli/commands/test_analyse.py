"""What `dreamsweep analyse` makes of its arguments and of what its flow comes to. The flow is tested elsewhere."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lib.analysis.settings import AnalysisSettings
from tests.flows.cli.flow_in_place import replace_flow

CLI = Callable[..., tuple[int, str, str]]

SUMMARY: dict[str, Any] = {
    "run": "20261122-101530-001122",
    "state": "failed",
    "model": "model/digits-1de27171",
    "data": "digits",
    "accuracy": 0.9859,
    "warnings": [],
    "notes": [],
    "outputs": {},
    "confusion": [[8, 1], [0, 9]],
    "pair": ["4", "[9]"],
    "margins": [{"image": "test/115", "label": "4", "called": "[9]", "margin": 0.0123}],
    "classifiers": {
        "classes": ["4", "[9]"],
        "pair": [0, 1],
        "rows": [{"layer": "Conv2D_3", "features": 1152, "all": 0.9878, "pair": None}],
    },
    "fcps": {"Conv2D_3": {"counts": {"only_first": 1, "only_second": 2, "both": 3}, "accuracy": 0.95}},
    "results": 3,
    "computed": 1,
    "reused": 1,
    "left": 0,
    "seconds": 61.5,
    "made": [],
    "failures": {"activations of picture:empty.png": "picture:empty.png is empty"},
}


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The parameters that the flow was given; it comes to `SUMMARY`."""
    return replace_flow("analyse", SUMMARY, tmp_path, monkeypatch)


def test_what_was_found_and_what_failed_is_shown(cli: CLI, asked: list[Any]) -> None:
    code, out, err = cli("analyse")
    assert code == 1, err
    lines = [" ".join(line.split()) for line in out.splitlines()]
    for line in (
        "accuracy on the test images: 98.59 %",
        "The images with the smallest margin between 4 and [9]:",
        "test/115 4 [9] 0.012",
        "Conv2D_3 1,152 98.78 %",
        "failed: activations of picture:empty.png: picture:empty.png is empty",
        "1 result computed, 1 reused; 1 min 2 s",
        "run 20261122-101530-001122 of model/digits-1de27171",
    ):
        assert line in lines
    assert "Conv2D_3: 1 FCP of 4 only, 2 of [9] only, 3 of both; by these alone the accuracy is 95.00 %" in out


def test_the_json_is_the_summary(cli: CLI, asked: list[Any]) -> None:
    code, out, _ = cli("analyse", "--json")
    assert (code, json.loads(out)) == (1, SUMMARY)


def test_options_become_the_parameters_of_the_flow(cli: CLI, asked: list[Any], tmp_path: Path) -> None:
    cli("analyse")
    (parameters,) = asked
    assert (parameters.images, parameters.layers, parameters.first, parameters.tensors) == (None,) * 4
    assert parameters.settings == AnalysisSettings()
    options = (
        "--threshold 0.5 --colour-map jet --standardise --clip 3 --clear 2 --unclear 1 --layers Conv* --first test/1 "
        "--first train/2 --second test/3 --tensors test --model model/latest --budget 30"
    )
    cli("analyse", "test/7", "rose.png", *options.split())
    parameters = asked[-1]
    assert parameters.images == ["test/7", str(tmp_path / "rose.png")]
    assert parameters.settings == AnalysisSettings(
        threshold=0.5, colour_map="jet", standardise=True, clip=3.0, clear=2, unclear=1
    )
    assert (parameters.first, parameters.second) == (["test/1", "train/2"], ["test/3"])
    assert (parameters.layers, parameters.tensors, parameters.budget) == (["Conv*"], "test", 30)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--pair", "4"), "pair is '4'; it must be two classes, as 4,9"),
        (("--threshold", "1"), "threshold is 1.0; it must be above 0 and below 1"),
        (("--first", "rose.png", "--second", "test/1"), "it must be a set and a number of it from 0, as test/1302"),
        (("--first", "test/1", "--second", "test/2", "--pair", "4,9"), "leave out the images or the pair"),
        (("--first", "test/1"), "images of one class are named, and none of the other"),
        (("--tensors", "all"), "tensors is 'all'"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_a_line(
    cli: CLI, asked: list[Any], arguments: tuple[str, ...], words: str
) -> None:
    code, out, err = cli("analyse", *arguments)
    assert (code, out) == (2, "")
    assert words in err
    assert err.count("\n") == 1
    assert not asked
