"""A task's output does not change without its version: else results of the old code would pass for the new code's."""

import json
from typing import Any

import numpy as np
import pytest

from tests.tasks import golden

pytestmark = pytest.mark.heavy

MODULES = {task: f"{module.__name__.replace('.', '/')}.py" for task, module in golden.modules().items()}


@pytest.fixture(scope="module")
def now() -> dict[str, dict[str, Any]]:
    """What the tasks give now."""
    return golden.made()


def what_to_do(task: str) -> str:
    return (
        f"the output of the task {task!r} has changed: raise VERSION in {MODULES[task]} (once for all that you have "
        "not yet pushed), then write down what it gives now with `python -m tests.tasks.golden`"
    )


@pytest.mark.parametrize("task", MODULES)
def test_what_a_task_gives_is_written_down_for_its_version(task: str) -> None:
    names = {path.stem for path in golden.FOLDER.iterdir()}
    version = golden.versions()[task]
    assert f"{task}-{version}" in names, (
        f"version {version} of the task {task!r} is new: write down what it gives with `python -m tests.tasks.golden`"
    )


def test_the_embedded_digits_are_the_same_bytes_for_ever(now: dict[str, dict[str, Any]]) -> None:
    before = json.loads((golden.FOLDER / f"data-{golden.versions()['data']}.json").read_text())
    assert now["data"] == before, what_to_do("data")


@pytest.mark.parametrize("task", sorted(set(MODULES) - {"data"}))
def test_pictures_and_numbers_do_not_change_without_their_version(now: dict[str, dict[str, Any]], task: str) -> None:
    with np.load(golden.FOLDER / f"{task}-{golden.versions()[task]}.npz", allow_pickle=False) as before:
        given = {name.replace("/", ":"): array for name, array in now[task].items()}
        assert set(given) == set(before.files), what_to_do(task)
        for name, array in given.items():
            message = f"{name}: {what_to_do(task)}"
            if array.dtype.kind == "u":  # pixels: where processors round differently one is a shade darker or so
                assert array.shape == before[name].shape, message
                different = np.abs(array.astype(int) - before[name]) > 2
                assert different.mean() < 0.005, message
            elif array.dtype.kind in "iU":
                np.testing.assert_array_equal(array, before[name], err_msg=message)
            else:  # values, not bytes: processors round differently
                np.testing.assert_allclose(array, before[name], rtol=1e-4, atol=1e-4, err_msg=message)
