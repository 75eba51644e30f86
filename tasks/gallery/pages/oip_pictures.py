"""The best OIP of any result, small, for pages that show results of several sweeps."""

from PIL import Image

from lib.draw.paper import png_bytes
from lib.draw.tones import to_uint8, tone_window
from lib.pictures.resample import resize
from storage.store import Store
from tasks.gallery.folder.site import Site
from tasks.gallery.pages.previews import preview_address
from tasks.gallery.pages.unit_files import LONGEST_CELL
from tasks.gallery.reading.catalogue import Catalogue
from tasks.gallery.reading.swept import Grown


def thumbnail(catalogue: Catalogue, site: Site, grown: Grown) -> str | None:
    """The address of a picture of its best OIP; None where its blob is gone or damaged."""
    key = f"best OIP {grown.oips} {grown.look}"
    return preview_address(site, key, lambda: draw_best(catalogue.store, grown))


def draw_best(store: Store, grown: Grown) -> bytes:
    """Its best OIP as PNG, small enough for a grid. Raises StoreError."""
    image = grown.pixels.to_pictures(store.array(grown.oips)[0])
    if (longest := max(image.shape[:2])) > LONGEST_CELL:
        size = (max(1, round(side * LONGEST_CELL / longest)) for side in image.shape[:2])
        image = resize(image, *size)
    return png_bytes(Image.fromarray(to_uint8(image, tone_window(image, grown.bounds))))
