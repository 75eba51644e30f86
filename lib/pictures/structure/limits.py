"""What a picture's file may ask for. Whatever asks for more is refused before it gets it."""

from lib.errors import BadInput

MOST_PIXELS = 110_000_000
"""Of all frames of a picture together: what the largest cameras give, and what decoding holds in 440 MB."""

MOST_PIXELS_OF = {"WEBP": 45_000_000, "AVIF": 64_000_000, "HEIF": 64_000_000, "JPEG2000": 25_000_000}
"""Where a decoder holds several copies of a picture, or numbers of four bytes."""

MOST_BYTES = 256 << 20
"""Of a file. The largest cameras' pictures have half of that without loss."""

LARGE = 40_000_000
"""Pixels of a picture that is asked whether it can hold what it promises. A smaller one costs little, and its decoder
says better what is wrong with it."""

MOST_FRAMES = 10_000
"""Of an animation, or pages of a TIFF: each is decoded and dreamed for itself."""

MOST_PARTS = 5_000
"""Of what is no pixels in a file: comments, texts, profiles. Cameras write some fifty."""

MOST_BESIDE = 64 << 20
"""Of their bytes."""

MOST_HELD = 480_000_000
"""Bytes that decoding may hold at once, the file apart."""


def check_pixels(width: int, height: int, frames: int = 1, format: str = "") -> None:
    """Raise BadInput where frames of this size have more pixels than are decoded."""
    most = MOST_PIXELS_OF.get(format, MOST_PIXELS)
    if width * height * frames > most:
        if frames == 1:
            raise BadInput(f"is too large: {width}x{height} are more than {most // 10**6} million pixels")
        raise BadInput(
            f"is too large: {frames} frames of {width}x{height} have more than {most // 10**6} million pixels"
        )


def check_frames(count: int) -> None:
    """Raise BadInput for more frames than a picture may have."""
    if count > MOST_FRAMES:
        raise BadInput(f"is too large: it has more than {MOST_FRAMES:,} frames or pages")


def check_parts(count: int, size: int = 0) -> None:
    """Raise BadInput where there is more beside the pixels than any program writes."""
    if count > MOST_PARTS or size > MOST_BESIDE:
        raise BadInput("is truncated or damaged: it holds thousands of parts that are no pixels")


def check_held(count: int) -> None:
    """Raise BadInput where decoding would hold more bytes than it may."""
    if count > MOST_HELD:
        raise BadInput(f"is too large: decoding it takes more than {MOST_HELD // 10**6} MB of memory")
