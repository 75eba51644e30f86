"""The best OIP of any result, small, for pages that show results of several sweeps."""

import numpy as np
from PIL import Image

from lib.pictures import png_bytes, to_uint8, tone_window
from lib.resample import resized
from tasks.gallery.catalogue import Catalogue
from tasks.gallery.previews import shown
from tasks.gallery.site import Site
from tasks.gallery.swept import Grown
from tasks.gallery.unit_files import LONGEST_CELL, bounds_of


def thumbnail(catalogue: Catalogue, site: Site, grown: Grown) -> str | None:
    """The address of a picture of its best OIP; None where its blob is gone or damaged."""

    def make() -> bytes:
        image = np.asarray(catalogue.store.array(grown.oips)[0], np.float32)
        if (longest := max(image.shape[:2])) > LONGEST_CELL:
            size = (max(1, round(side * LONGEST_CELL / longest)) for side in image.shape[:2])
            image = resized(image, *size)
        return png_bytes(Image.fromarray(to_uint8(image, tone_window(image, bounds_of(grown)))))

    return shown(site, f"best OIP {grown.oips} {bounds_of(grown)}", make)
