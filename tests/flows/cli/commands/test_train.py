"""`dreamsweep train`: a training is summed up, and not made twice."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from flows.cli.commands import train as commands
from flows.forms.parameters import TrainParameters
from lib.training.settings import RECIPES

pytestmark = pytest.mark.usefixtures("prefect_server")


def test_a_training_is_summed_up_and_found_the_next_time(
    cli: Callable[..., tuple[int, str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.cli.at_work._served", nullcontext)
    command = ("train", "--data", "digits", "--epochs", 1, "--store", tmp_path / "store")
    code, out, err = cli(*command)
    assert code == 0, err
    assert "on the test set after 1 epochs" in out
    assert "Next: dreamsweep sweep --model model/" in out
    code, out, err = cli(*command)
    assert code == 0, err
    assert "Nothing to compute: all of it was in the store already." in out


@pytest.mark.parametrize("name", ["classic", "blog"])
def test_a_recipe_is_found_by_its_name_and_by_the_one_that_it_had_before(
    cli: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    asked: list[TrainParameters] = []
    monkeypatch.setattr(commands, "train_here", lambda parameters, as_json: asked.append(parameters) or 0)
    assert cli("train", "--recipe", name, "--epochs", 3)[0] == 0
    assert asked[0].settings == replace(RECIPES["classic"], epochs=3)
