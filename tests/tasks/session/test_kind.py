"""Kinds of artifacts: found by their folders, without what is slow to import; and what failed in a run."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from lib.network.units import Unit
from storage.runs import RunRecord
from storage.store import Store
from tasks.session.kind import artifact_kinds, failed_unit


def test_kinds_are_declared_once_each_and_import_nothing_that_is_slow() -> None:
    script = (
        "import sys; from tasks.session.kind import artifact_kinds; artifact_kinds(); "
        "print([name for name in ('prefect', 'tensorflow', 'keras', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
    assert len(artifact_kinds()) == len(artifact_kinds().modules)


def test_the_module_of_a_kind_is_called_like_its_task() -> None:
    assert set(artifact_kinds()) == {name.rpartition(".")[2] for name in artifact_kinds().modules}


def failing(root: Path, title: str, kind: str | None) -> RunRecord:
    run = Store.open(root).open_run("oip-sweep", {})
    run.fail(title, "no luck", kind)
    return run.close("failed", {})


@pytest.mark.parametrize("title", ["Conv2D_2/17", "back/conv 1/17"])
def test_a_unit_that_failed_is_told_by_its_kind(tmp_path: Path, title: str) -> None:
    assert failed_unit(failing(tmp_path / "store", title, "oip"), title) == Unit.parse(title)
    assert failed_unit(failing(tmp_path / "store", title, None), title) is None  # it is a layer's name


@pytest.mark.parametrize(
    ("title", "unit"),
    [
        ("Conv2D_2/17", Unit("Conv2D_2", 17)),
        ("weights", None),
        ("Conv2D_2", None),
        ("negatives of back/1", None),
    ],
)
def test_what_failed_in_a_run_of_an_earlier_version_is_told_by_its_title(
    tmp_path: Path, title: str, unit: Unit | None
) -> None:
    run = replace(failing(tmp_path / "store", title, None), failed_kinds=None)
    assert failed_unit(run, title) == unit
