"""The best OIP of any result, small, for pages that show results of several sweeps."""

from PIL import Image

from lib.draw.paper import png_bytes
from lib.draw.tones import to_uint8, tone_window
from lib.pictures.resample import resize
from tasks.gallery.folder.site import Site
from tasks.gallery.pages.previews import preview_address
from tasks.gallery.pages.unit_files import LONGEST_CELL
from tasks.gallery.reading.catalogue import Catalogue
from tasks.gallery.reading.swept import Grown


def thumbnail(catalogue: Catalogue, site: Site, grown: Grown) -> str | None:
    """The address of a picture of its best OIP; None where its blob is gone or damaged."""

    def make() -> bytes:
        image = grown.pixels.to_pictures(catalogue.store.array(grown.oips)[0])
        if (longest := max(image.shape[:2])) > LONGEST_CELL:
            size = (max(1, round(side * LONGEST_CELL / longest)) for side in image.shape[:2])
            image = resize(image, *size)
        return png_bytes(Image.fromarray(to_uint8(image, tone_window(image, grown.bounds))))

    return preview_address(site, f"best OIP {grown.oips} {grown.look}", make)
