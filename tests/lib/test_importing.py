"""Imports of what is large, in less time."""

import gc
import importlib
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lib.importing import quick_import

BIG = """
try:
    import little_extra.part as extra
except ImportError:
    extra = None
"""


@pytest.fixture(autouse=True)
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One that is large, and one that it imports where it is there."""
    (tmp_path / "large_one.py").write_text(BIG)
    (tmp_path / "little_extra").mkdir()
    (tmp_path / "little_extra" / "part.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for name in [name for name in sys.modules if name.startswith(("large_one", "little_extra"))]:
        del sys.modules[name]


def test_nobody_looks_for_garbage_meanwhile_and_later_as_before() -> None:
    with quick_import("large_one"):
        assert not gc.isenabled()
    assert gc.isenabled()
    with pytest.raises(ModuleNotFoundError), quick_import("nowhere"):
        importlib.import_module("nowhere")
    assert gc.isenabled()


def test_what_is_to_be_left_out_is_not_found_meanwhile_and_found_later() -> None:
    with quick_import("large_one", without=["little_extra"]):
        large = importlib.import_module("large_one")
    assert large.extra is None
    assert importlib.import_module("little_extra.part")


def test_other_threads_find_it_all_the_time() -> None:
    with quick_import("large_one", without=["little_extra"]), ThreadPoolExecutor(1) as other:
        assert other.submit(importlib.import_module, "little_extra.part").result()


def test_nothing_is_left_out_unless_that_is_asked_for_and_where_it_is_there_already() -> None:
    with quick_import("large_one"):
        assert importlib.import_module("large_one").extra is not None
    del sys.modules["large_one"]
    with quick_import("large_one", without=["little_extra"]):
        assert importlib.import_module("large_one").extra is not None


def test_keras_does_without_its_extras_and_we_have_them_later() -> None:
    program = """
import sys
from lib.importing import KERAS_EXTRAS, quick_import
with quick_import("tensorflow", without=KERAS_EXTRAS):
    import keras
assert not {"sklearn", "matplotlib"} & set(sys.modules)
import sklearn.datasets, matplotlib.pyplot
digits = sklearn.datasets.load_digits().images[:2, :, :, None]
keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(1, 3)]).predict(digits, verbose=0)
"""
    subprocess.run([sys.executable, "-c", program], check=True)
