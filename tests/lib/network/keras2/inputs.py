"""What the models of `files.zip` were asked about: the same arrays when they were written and when they are tested."""

from collections.abc import Sequence

import numpy as np

_BYTES = {"teachable", "scaled", "nested", "caffe", "torch_like", "efficient", "mixed"}


def inputs_of(name: str, shapes: Sequence[tuple[int | None, ...]]) -> list[np.ndarray]:
    """Three of each input of a file: pixels of 0..255 where the model rescales them itself, else of 0..1."""
    rng = np.random.default_rng(3)
    scale = 255 if name.split(".")[0] in _BYTES else 1
    return [(rng.random((3, *(side or 1 for side in shape[1:]))) * scale).astype(np.float32) for shape in shapes]
