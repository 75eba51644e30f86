"""Files of which any bytes are changed are read or refused, and nothing else is raised."""

import gzip
import io
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from lib.data import idx
from lib.data.datasets import load
from lib.data.picture_reading import read_head, read_picture
from lib.errors import BadInput

PIXELS = (np.arange(10 * 6 * 5) * 7919 >> 3).astype(np.uint8).reshape(10, 6, 5)


def npz() -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, images=PIXELS, labels=np.arange(10) % 2)
    return buffer.getvalue()


def png() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(PIXELS[0]).save(buffer, "PNG")
    return buffer.getvalue()


RAW = idx.header(PIXELS) + PIXELS.tobytes()
SOUND = {"file": RAW, "file.gz": gzip.compress(RAW), "file.npz": npz(), "file.png": png()}


def look(path: Path) -> None:
    if path.suffix == ".npz":
        load(str(path))
    elif path.suffix == ".png":
        read_head(path)
        read_picture(path, (5, 6), 1, "crop", None)
    else:
        idx.read_idx(path, "images")


@pytest.mark.parametrize("name", SOUND)
@settings(max_examples=60)
@given(data=st.data())
def test_a_changed_file_is_read_or_refused_in_one_line(
    tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject
) -> None:
    changed = bytearray(SOUND[name])
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(changed)))
    path = tmp_path_factory.mktemp("changed") / name
    path.write_bytes(changed[:cut] if data.draw(st.booleans()) else changed)
    with suppress(BadInput):
        look(path)
