"""What recipes and records say of the pixels that a network takes."""

from collections.abc import Mapping

from typing_extensions import TypedDict

from lib.network.pixels import PLAIN, Pixels
from storage.document import Json

PICTURES = (0.0, 1.0)
"""The range of pictures outside of networks. Recipes have said it since before networks could take anything else."""


def pixel_range_parameters(pixels: Pixels) -> dict[str, Json]:
    """What a recipe says of pixels where it has always said something."""
    return {"pixel_range": list(PICTURES), **pixel_parameters(pixels)}


def pixel_parameters(pixels: Pixels) -> dict[str, Json]:
    """What a recipe says of pixels that are not 0..1, and nothing otherwise: so recipes are what they were before."""
    return {} if pixels.plain else {"pixels": str(pixels)}


def pixels_of(parameters: Mapping[str, Json]) -> Pixels:
    """With which pixels a record of these parameters, or an output of these attributes, was made."""
    said = parameters.get("pixels")
    return PLAIN if said is None else Pixels.parse(str(said))


DECLARED = "declared"
"""What somebody declared is known from."""


class SaidOfPixels(TypedDict, total=False):
    """What the outputs of a registered model say of its pixels, where they are known: what they are, and from what."""

    pixels: str
    pixels_from: str


def said_of_pixels(pixels: Pixels | None, known_from: str) -> SaidOfPixels:
    """The attributes of a model that takes these; none where nothing is known. `known_from`: a word or a sentence."""
    return {} if pixels is None else {"pixels": str(pixels), "pixels_from": known_from}


def declared_parameters(pixels: Pixels | None) -> dict[str, Json]:
    """What the recipe of a registration says of its declaration: 0..1 as well, which is another thing than nothing."""
    return {} if pixels is None else {"pixels": str(pixels)}
