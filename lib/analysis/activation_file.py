"""The activations of many images in one HDF5 file, written as they are computed.

HDF5 lays the file out, with a contiguous data set a layer whose place in the file it then tells; each batch is written
there by threads of their own, while the next one is computed (`lib.analysis.past_cache`). HDF5's own writes hold
Python's lock, and would keep the network waiting.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np

from lib.analysis.activations import Activations
from lib.analysis.past_cache import PastCache
from lib.arrays import Reals
from lib.errors import BadInput

GROUP = "activations"

_WRITERS = 3  # one copies while others wait for the disk


def write_hdf5(
    activations: Activations,
    images: Reals,
    path: Path,
    *,
    attributes: Mapping[str, str | int | float] | None = None,
    batch: int = 256,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Write `/activations/LAYER`, float32 [N, ..., units], for every layer and all images [N, H, W, C].

    Memory holds the activations of a few batches, however many images there are. The file is there when it is whole,
    and not before.

    Args:
        attributes: of the file, besides `images`, their number, and `layers`, the names in the network's order.
        progress: is told how many images are done.

    Raises:
        BadInput: no image, or images of another shape than the network's.
        OSError: the file cannot be written.
    """
    if not len(images):
        raise BadInput("there are no images to analyse")
    first = activations.of(images[:1])
    shapes = {layer: (len(images), *values.shape[1:]) for layer, values in first.items()}
    unfinished = path.with_name(f"{path.name}.part")
    try:
        places = _lay_out(unfinished, shapes, {**(attributes or {}), "images": len(images)})
        with PastCache(unfinished) as file, ThreadPoolExecutor(_WRITERS) as writers:
            writing: deque[Future[None]] = deque()
            for start in range(0, len(images), batch):
                found = activations.of(images[start : start + batch])
                if len(writing) == _WRITERS:
                    writing.popleft().result()
                writing.append(writers.submit(_write, file, places, found, start))
                if progress:
                    progress(min(start + batch, len(images)))
            for written in writing:
                written.result()
        unfinished.replace(path)
    except BaseException:
        with suppress(OSError):
            unfinished.unlink()
        raise


def _lay_out(
    path: Path, shapes: Mapping[str, Sequence[int]], attributes: Mapping[str, str | int | float]
) -> dict[str, int]:
    """Make the file, with room for everything; where in it each layer begins, in bytes."""
    import h5py

    how = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    how.set_layout(h5py.h5d.CONTIGUOUS)
    how.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    how.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    how.set_obj_track_times(False)
    between = h5py.h5p.create(h5py.h5p.LINK_CREATE)  # a layer of a nested model has slashes in its name
    between.set_create_intermediate_group(True)
    between.set_char_encoding(h5py.h5t.CSET_UTF8)
    with h5py.File(path, "w", libver=("earliest", "v108"), locking=False) as file:
        file.attrs.update(attributes)
        file.attrs["layers"] = list(shapes)
        places = {}
        for layer, shape in shapes.items():
            room = h5py.h5s.create_simple(tuple(shape))
            name = f"{GROUP}/{layer}".encode()
            made = h5py.h5d.create(file.id, name, h5py.h5t.IEEE_F32LE, room, dcpl=how, lcpl=between)
            places[layer] = int(made.get_offset())
    return places


def _write(file: PastCache, places: Mapping[str, int], found: Mapping[str, Reals], start: int) -> None:
    for layer, values in found.items():
        data = np.ascontiguousarray(values, "<f4")
        file.write(data.reshape(-1).view(np.uint8), places[layer] + start * data[0].nbytes)
    file.let_go()
