"""Pixels: the numbers that a network takes for a picture.

Outside the network pictures are sRGB within 0..1. A network takes them as they are, or as -1..1, as 0..255, less a mean
and divided by a deviation, or with their channels in the order blue, green, red. `Pixels` says which, and turns one
into the other; `lib.network.adapt` lays that in front of a network, so that the rest of the code knows pictures alone.
"""

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lib.arrays import Array, Floats
from lib.errors import BadValue

Numbers = tuple[float, ...]

FORMS = "0..1, -1..1, 0..255, caffe, torch, or MEAN/STD, as 0.5,0.5,0.5/0.25,0.25,0.25 or 104,117,123/1:BGR"
"""How pixels are declared."""

_NAMED: dict[str, str] = {
    "0..1": "0/1",
    "-1..1": "0.5/0.5",
    "0..255": "0/0.00392156862745098",
    # as keras.applications.imagenet_utils.preprocess_input calls them
    "caffe": "103.939,116.779,123.68/1:BGR",
    "torch": "0.485,0.456,0.406/0.229,0.224,0.225",
}
_DIGITS = 10
_FINE = 1 / 64
_DECLARED = re.compile(r"(?P<mean>[^/:]+)/(?P<deviation>[^/:]+?)(?P<bgr>:bgr)?", re.IGNORECASE)


@dataclass(frozen=True)
class Pixels:
    """What a network takes: `(picture - mean) / deviation`, channel by channel, in the network's own order.

    `mean` and `deviation` are of pictures within 0..1: one number, or one for each channel of the network.
    """

    mean: Numbers = (0.0,)
    deviation: Numbers = (1.0,)
    bgr: bool = False

    @classmethod
    def parse(cls, text: str) -> "Pixels":
        """Reads a declaration (`FORMS`).

        MEAN and STD are one number or one for each channel, in the order in which the network takes the channels. Where
        one of them is above 1 they are of pixels within 0..255, else of pixels within 0..1.

        Raises:
            BadValue: what it says is none of these.
        """
        written = _NAMED.get(text.strip().lower(), text.strip())
        found = _DECLARED.fullmatch(written)
        if found is None:
            raise BadValue("pixels", text, f"choose from {FORMS}")
        try:
            mean, deviation = (
                tuple(float(f"{float(number):.{_DIGITS}g}") for number in found[part].split(","))
                for part in ("mean", "deviation")
            )
        except ValueError:
            raise BadValue("pixels", text, f"choose from {FORMS}") from None
        if not np.isfinite([*mean, *deviation]).all() or min(deviation) <= 0 or not _fit(len(mean), len(deviation)):
            raise BadValue("pixels", text, "give finite numbers, one or as many for both, and deviations above 0")
        if _of_bytes(mean, deviation):
            mean, deviation = (tuple(number / 255 for number in part) for part in (mean, deviation))
        return cls(mean, deviation, found["bgr"] is not None)

    def __str__(self) -> str:
        """The shortest declaration: what equals one of the named is called by its name."""
        return self._declaration

    @functools.cached_property
    def _declaration(self) -> str:
        for name, pixels in named().items():
            if _alike(self, pixels):
                return name
        return self._written

    @property
    def _written(self) -> str:
        mean, deviation = ([255 * number for number in part] for part in (self.mean, self.deviation))
        if not _of_bytes(mean, deviation) or (max(self.deviation) > _FINE and not _of_bytes(self.mean, self.deviation)):
            mean, deviation = list(self.mean), list(self.deviation)
        numbers = (",".join(f"{number:.{_DIGITS}g}" for number in part) for part in (mean, deviation))
        return "/".join(numbers) + (":BGR" if self.bgr else "")

    @functools.cached_property
    def plain(self) -> bool:
        """Whether the network takes pictures as they are, 0..1."""
        return not self.bgr and _alike(self, Pixels())

    def fits(self, channels: int) -> bool:
        """Whether a network of so many channels can take these."""
        return (
            len(self.mean) in (1, channels)
            and len(self.deviation) in (1, channels)
            and not (self.bgr and channels != 3)
        )

    @property
    def scale(self) -> Floats:
        """What pictures are multiplied by before `offset` is added, float32 [1] or [channels]."""
        return np.asarray(1 / np.asarray(self.deviation, np.float64), np.float32)

    @property
    def offset(self) -> Floats:
        """What is added then, float32 [1] or [channels]."""
        return np.asarray(-np.asarray(self.mean, np.float64) / np.asarray(self.deviation, np.float64), np.float32)

    def range(self, channels: int) -> tuple[Numbers, Numbers]:
        """The least and the greatest value that the network takes for each channel."""
        low = np.broadcast_to(self.offset, (channels,))
        return tuple(low.tolist()), tuple((low + self.scale).tolist())

    def to_network(self, pictures: Array) -> Floats:
        """Pictures within 0..1, [..., channels], as the network takes them: float32."""
        if self.plain:
            return np.asarray(pictures, np.float32)
        found = np.asarray(pictures, np.float32)[..., :: -1 if self.bgr else 1]
        return np.asarray(found * self.scale + self.offset, np.float32)

    def to_pictures(self, images: Array) -> Floats:
        """Images as the network takes them, [..., channels], as pictures: float32, within 0..1 where those can be."""
        if self.plain:
            return np.asarray(images, np.float32)
        found = (np.asarray(images, np.float64) - self.offset) / self.scale
        return np.asarray(found[..., :: -1 if self.bgr else 1], np.float32)


PLAIN = Pixels()
"""0..1: of every network that was trained here."""


@functools.cache
def named() -> dict[str, Pixels]:
    """The declarations that have a name, by it: the candidates for a network of which nothing is known."""
    return {name: Pixels.parse(name) for name in _NAMED}


def _of_bytes(mean: Sequence[float], deviation: Sequence[float]) -> bool:
    """Whether a mean and a deviation are of pixels within 0..255."""
    return max(*map(abs, mean), *deviation) > 1


def _fit(first: int, second: int) -> bool:
    return first == second or 1 in (first, second)


def _alike(one: Pixels, other: Pixels) -> bool:
    """Whether they are the same but for rounding."""
    if one.bgr != other.bgr:
        return False
    for mean, there in ((one.mean, other.mean), (one.deviation, other.deviation)):
        if not _fit(len(mean), len(there)) or not np.allclose(np.array(mean), np.array(there), rtol=1e-6, atol=1e-9):
            return False
    return True
