"""`dreamsweep train`: a training is summed up, and not made twice."""

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest

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
