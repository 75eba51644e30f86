"""The examples in the docstrings of what is public: each is run, as it stands there."""

import doctest
import os
import subprocess
import sys
from pathlib import Path

import pytest

import dreamsweep

WITHOUT = {"BadInput", "StoreError", "Store", "Exemplars", "DreamedPicture"}
"""Errors, and classes that a function's example shows."""
SLOW = {"load_model"}
"""Whose example imports TensorFlow."""
PUBLIC = sorted(set(dreamsweep.__all__) - WITHOUT)
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.heavy] if name in SLOW else []) for name in PUBLIC]
)
def test_the_example_of_what_is_public_says_what_comes_out(
    name: str, old_store: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DREAMSWEEP_STORE", str(old_store))
    examples = doctest.DocTestFinder(recurse=False).find(getattr(dreamsweep, name), name, globs={})
    runner = doctest.DocTestRunner(optionflags=FLAGS)
    for example in examples:
        runner.run(example)
    assert runner.tries > 1, f"the docstring of {name} has no example"
    assert runner.failures == 0, capsys.readouterr().out


READ = """
import dreamsweep, sys
store = dreamsweep.open_store()
unit = dreamsweep.list_units(store)[0]
unit.oips, unit.images, unit.picture, unit.exemplars.pictures, dreamsweep.lineage(store, unit.record.key)
dreamsweep.list_models(store), dreamsweep.list_runs(store), dreamsweep.list_dreams(store)[0].picture
print([name for name in ("tensorflow", "keras", "prefect") if name in sys.modules])
"""


def test_reading_imports_neither_tensorflow_nor_prefect(old_store: Path) -> None:
    environment = os.environ | {"DREAMSWEEP_STORE": str(old_store)}
    read = subprocess.run([sys.executable, "-c", READ], env=environment, capture_output=True, text=True, check=True)
    assert read.stdout == "[]\n"
