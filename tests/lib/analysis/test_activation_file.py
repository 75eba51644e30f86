"""The HDF5 file of many images' activations."""

import os
import threading
import tracemalloc
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from lib.analysis.activation_file import write_hdf5
from lib.analysis.activations import Activations
from lib.errors import BadInput
from lib.training.reference import build
from tests.lib.keras_zoo import ZOO


@pytest.fixture(scope="module")
def activations() -> Activations:
    return Activations(build((28, 28, 1), 10))


IMAGES = np.random.default_rng(0).random((23, 28, 28, 1)).astype(np.float32)


@pytest.mark.parametrize("batch", [1, 8, 23, 100])
def test_the_file_holds_every_layer_of_every_image(activations: Activations, tmp_path: Path, batch: int) -> None:
    told: list[int] = []
    path = tmp_path / "activations.h5"
    attributes = {"set": "test", "seed": 3}
    write_hdf5(activations, IMAGES, path, attributes=attributes, batch=batch, progress=told.append)
    expected = activations.of(IMAGES)
    with h5py.File(path) as file:
        assert file.attrs["set"] == "test"
        assert file.attrs["seed"] == 3
        assert file.attrs["images"] == 23
        assert list(file.attrs["layers"]) == list(activations.layers)
        assert set(file["activations"]) == set(expected)
        for layer, values in expected.items():
            found = file["activations"][layer]
            assert found.dtype == np.float32
            np.testing.assert_allclose(found[()], values, rtol=1e-4, atol=1e-5)
    assert told == [min(23, done) for done in range(batch, 23 + batch, batch)]
    assert list(tmp_path.iterdir()) == [path]


def test_layers_of_nested_models_lie_in_groups(tmp_path: Path) -> None:
    found = Activations(ZOO["nested"]().model)
    images = np.random.default_rng(0).normal(size=(3, 12, 12, 1))
    write_hdf5(found, images, tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5") as file:
        np.testing.assert_allclose(
            file["activations/middle/block/conv"][()], found.of(images)["middle/block/conv"], rtol=1e-4, atol=1e-5
        )


def test_equal_activations_have_equal_bytes(activations: Activations, tmp_path: Path) -> None:
    for name in ("a.h5", "b.h5"):
        write_hdf5(activations, IMAGES[:4], tmp_path / name)
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


def test_memory_does_not_grow_with_the_images(activations: Activations, tmp_path: Path) -> None:
    def peak(count: int) -> int:
        tracemalloc.start()
        try:
            write_hdf5(activations, np.broadcast_to(IMAGES[:1], (count, 28, 28, 1)), tmp_path / "a.h5", batch=8)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(8)
    assert peak(256) < peak(16) + 2**19


def test_a_full_disk_is_told_and_leaves_no_file(
    activations: Activations, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(OSError, match="No space left"):
        write_hdf5(activations, IMAGES, tmp_path / "a.h5", batch=8)
    assert list(tmp_path.iterdir()) == []
    assert not [thread for thread in threading.enumerate() if "ThreadPoolExecutor" in thread.name]


def test_a_write_that_takes_only_a_part_is_continued(
    activations: Activations, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_hdf5(activations, IMAGES, tmp_path / "whole.h5", batch=8)
    original = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda file, data, at: original(file, data[:1000], at))
    write_hdf5(activations, IMAGES, tmp_path / "parts.h5", batch=8)
    assert (tmp_path / "parts.h5").read_bytes() == (tmp_path / "whole.h5").read_bytes()


def test_what_cannot_be_looked_at_leaves_no_file(activations: Activations, tmp_path: Path) -> None:
    for images in (IMAGES[:0], IMAGES[:, :20]):
        with pytest.raises(BadInput):
            write_hdf5(activations, images, tmp_path / "a.h5")
    assert list(tmp_path.iterdir()) == []
