"""Pictures of the store as the gallery shows them."""

from collections.abc import Callable
from typing import TypedDict

from PIL import Image

from lib.arrays import Bytes
from lib.draw.paper import png_bytes
from lib.draw.tones import to_uint8
from lib.errors import BadInput
from lib.gallery.preview import ENDING, LONGEST, preview
from lib.words import size
from storage.errors import BlobCorrupt, BlobMissing, StoreError, StoreUnusable
from storage.record import Output
from storage.store import Store
from tasks.gallery.folder.site import Site
from tasks.gallery.folder.stored import stored
from tasks.gallery.folder.writer import StoredFile

LARGEST = 64 * 10**6
"""Bytes of a blob above which a gallery names it instead of holding a copy."""


class NoPicture(Exception):
    """There is nothing to be shown: the bytes are gone, damaged, or no picture."""


def preview_of(site: Site, store: Store, digest: str, longest: int = LONGEST) -> str | None:
    """The address of the preview of a picture's blob; None where there is nothing to be shown."""

    def make() -> bytes:
        return preview(store.get(digest), longest)

    return preview_address(site, f"preview {longest} {digest}", make, ENDING)


def preview_address(site: Site, key: str, make: Callable[[], bytes | StoredFile], ending: str = ".png") -> str | None:
    """As `Site.picture`; None where what it is made of is gone, damaged or no picture: a page says so and goes on."""

    def checked() -> bytes | StoredFile:
        try:
            return make()
        except StoreUnusable:
            raise
        except (StoreError, BadInput) as problem:
            raise NoPicture from problem

    try:
        return site.picture(key, checked, ending)
    except NoPicture:
        return None


def image_png(pixels: Bytes) -> bytes:
    """An image of a data set, uint8 [H, W, C], as PNG: grey for one channel, as it was seen; nothing is enlarged."""
    if pixels.shape[2] == 1:
        return png_bytes(Image.fromarray(pixels[:, :, 0]))
    return png_bytes(Image.fromarray(pixels if pixels.shape[2] == 3 else to_uint8(pixels)))


def stored_png(site: Site, store: Store, digest: str) -> str | None:
    """The address of a PNG of the store as it is; None where it is gone."""
    return preview_address(site, f"png {digest}", stored(store, digest))


class Download(TypedDict):
    """A blob as a file of the gallery; `what` says its size, and where it is else if it is too large for a copy."""

    title: str
    address: str | None
    what: str


def download(site: Site, store: Store, output: Output, address: str, title: str) -> Download | None:
    """A blob as a file of the gallery, as the templates list it.

    None where the blob is gone. One of more than `LARGEST` bytes is named by its digest, and its address is None.
    """
    if output.size > LARGEST:
        return {"title": title, "address": None, "what": f"{size(output.size)}, in the store as {output.digest[:12]}"}

    def read() -> bytes | StoredFile:
        try:
            return stored(store, output.digest)()
        except (BlobMissing, BlobCorrupt) as problem:
            raise NoPicture from problem

    try:
        return {"title": title, "address": site.file(address, read, output.digest), "what": size(output.size)}
    except NoPicture:
        return None
