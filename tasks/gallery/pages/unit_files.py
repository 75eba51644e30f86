"""The files of one unit: its OIPs as pictures and as numbers."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np
from PIL import Image

from lib.draw.paper import png_bytes
from lib.draw.tones import to_uint8, tone_window
from lib.gallery.addresses import unit_folder
from lib.pictures.resample import resize
from storage.errors import BlobCorrupt, BlobMissing
from tasks.gallery.folder.site import Site
from tasks.gallery.folder.stored import stored
from tasks.gallery.folder.writer import Late
from tasks.gallery.reading.catalogue import Catalogue
from tasks.gallery.reading.networks import StoredNetwork
from tasks.gallery.reading.swept import Grown

LONGEST_CELL = 160
"""Pixels of an OIP's longer side up to which a grid shows the OIP itself."""


@dataclass(frozen=True)
class UnitFiles:
    """Addresses of what there is of a unit: each OIP as a PNG, all as `.npy`, and one small enough for a grid."""

    oips: tuple[str, ...]
    array: str
    cell: str
    height: int
    width: int


def files_of(catalogue: Catalogue, site: Site, network: StoredNetwork, grown: Grown) -> UnitFiles | None:
    """Put the files of a unit into the gallery; None where its blob is gone or damaged."""
    folder = unit_folder(network.slug, grown.layer, grown.index)
    count, height, width = grown.shape[:3]

    @cache
    def images() -> Any:
        return grown.pixels.to_pictures(catalogue.store.array(grown.oips))

    @cache
    def window() -> tuple[float, float]:
        return tone_window(images(), grown.bounds)

    def oip(number: int) -> Callable[[], Late]:
        return lambda: partial(draw_image, images()[number], window())

    def small() -> bytes:
        shrunk = LONGEST_CELL / max(height, width)
        size = (max(1, round(side * shrunk)) for side in (height, width))
        values = resize(np.asarray(images()[0], np.float32), *size)
        return png_bytes(Image.fromarray(to_uint8(values, window())))

    tones = f"{grown.oips} {grown.look}"
    try:
        array = site.file(f"{folder}/oips.npy", stored(catalogue.store, grown.oips), grown.oips)
        oips = tuple(site.file(f"{folder}/oip-{at + 1}.png", oip(at), f"{tones} {at}") for at in range(count))
        cell = oips[0]
        if max(height, width) > LONGEST_CELL:
            cell = site.file(f"{folder}/cell.png", small, tones)
    except (BlobMissing, BlobCorrupt):
        return None
    return UnitFiles(oips, array, cell, height, width)


def draw_image(image: Any, window: tuple[float, float] | None) -> bytes:
    """An image as PNG, in the tones of OIPs."""
    return png_bytes(Image.fromarray(to_uint8(image, window)))
