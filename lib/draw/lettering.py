"""Words in pictures: a font that is always there, and text that is never clipped."""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from PIL import ImageFont

ELLIPSIS = "…"


@lru_cache(maxsize=32)
def font(size: int, *, bold: bool = False) -> ImageFont.FreeTypeFont:
    """DejaVu Sans at `size` pixels, from matplotlib's own files.

    No system font is asked for, so a picture's bytes do not depend on what a machine has installed. Pillow's bundled
    font would do, but it lacks "×" and every letter beyond Latin, and layer names may hold any.
    """
    import matplotlib  # here, not above: 0.4 s that `dreamsweep --help` must not pay

    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    path = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name
    # The basic layout is the same on every build of Pillow; Raqm is not in all of them.
    return ImageFont.truetype(str(path), size, layout_engine=ImageFont.Layout.BASIC)


def width(text: str, face: ImageFont.FreeTypeFont) -> int:
    """The pixels that one line of `text` takes, rounded up."""
    return -int(-face.getlength(text) // 1)


def shorten(text: str, face: ImageFont.FreeTypeFont, room: int) -> str:
    """`text` if it fits into `room` pixels, otherwise its two ends with an ellipsis between.

    The ends are what tells units apart: the model's block stands first in a layer's name, the unit's index last.
    """
    text = single_line(text)
    if width(text, face) <= room:
        return text
    return _ends(text, _most(lambda kept: width(_ends(text, kept), face) <= room, len(text)))


def _most(fits: Callable[[int], bool], most: int) -> int:
    """The greatest number below `most` that fits, 0 if none does: a long name is measured a few times, not hundreds."""
    fitting, too_many = 0, most
    while too_many - fitting > 1:
        middle = (fitting + too_many) // 2
        fitting, too_many = (middle, too_many) if fits(middle) else (fitting, middle)
    return fitting


def _ends(text: str, kept: int) -> str:
    # One letter more at the end than at the beginning, where the index is.
    last = (kept + 1) // 2
    return text[: kept - last] + ELLIPSIS + (text[-last:] if last else "")


def wrap(text: str, face: ImageFont.FreeTypeFont, room: int) -> list[str]:
    """`text` in lines of at most `room` pixels, broken at spaces; a word that is too long alone is broken inside.

    Nothing is left out. An empty text has no lines.
    """
    lines: list[str] = []
    line = ""
    for word in single_line(text).split():
        longer = f"{line} {word}" if line else word
        if width(longer, face) <= room:
            line = longer
            continue
        if line:
            lines.append(line)
        while width(word, face) > room and len(word) > 1:
            cut = _cut(word, face, room)
            lines.append(word[:cut])
            word = word[cut:]
        line = word
    return [*lines, line] if line else lines


def _cut(word: str, face: ImageFont.FreeTypeFont, room: int) -> int:
    """How many letters of a too long `word` fit; one at least, or there would be no end."""
    return max(1, _most(lambda letters: width(word[:letters], face) <= room, len(word)))


def single_line(text: str) -> str:
    """`text` with line breaks, tabs and what cannot be printed as spaces."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def number(value: float | None, digits: int = 3) -> str:
    """A response or a ratio in few letters: three significant digits. `None` is the empty text.

    Not `lib.words.number`: this stands in stored pictures, which change only with the next version of their task.

    >>> number(3.4), number(0.00123), number(1234567.0), number(0.0)
    ('3.40', '0.00123', '1.23e6', '0')
    """
    if value is None:
        return ""
    if value == 0:
        return "0"
    # "#" keeps the noughts, so that numbers in a column have the same precision.
    mantissa, _, exponent = f"{value:#.{digits}g}".partition("e")
    mantissa = mantissa.removesuffix(".")
    return f"{mantissa}e{int(exponent)}" if exponent else mantissa
