"""Dreams that follow each other as one moving picture: GIF, WebP, or MP4 where ffmpeg is installed."""

import io
import itertools
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from PIL import Image

from lib.arrays import Pixels
from lib.errors import BadInput
from lib.pictures.about import exif_of, text_of, xmp_of
from lib.pictures.files import shallow

Kind = Literal["gif", "webp", "mp4"]

MEDIA_TYPES: dict[Kind, str] = {"gif": "image/gif", "webp": "image/webp", "mp4": "video/mp4"}
MOST_SIDE = 1280
"""Pixels: an animation is to be looked at, and larger ones take seconds a frame to be shown."""

_GIF_TICK = 10  # ms: the unit of a GIF's times
_SHORTEST = 20  # ms: what is shorter, browsers show for 100 ms


def check_kind(kind: str) -> None:
    """Raise BadInput where such an animation cannot be made here: before a night is spent on its frames."""
    if kind not in get_args(Kind):
        raise BadInput(f"there is no animation {kind!r}; choose from {', '.join(get_args(Kind))}")
    if kind == "mp4" and shutil.which("ffmpeg") is None:
        raise BadInput("mp4 needs the program ffmpeg, which is not installed: install it, or choose gif or webp")


def animation(
    frames: Iterable[Pixels], kind: Kind, *, about: Mapping[str, Any] | None = None, seconds: float = 0.1
) -> bytes:
    """One or more `frames` [H, W, C] of one size (C = 1 or 3; of 16 bits 8 are shown) as a moving picture.

    Each is shown for `seconds`, and gif and webp begin again at their end, for ever. Frames that are longer than
    `MOST_SIDE` are scaled down, bicubically. `about` is written into the file, where `picture_about.embedded` finds it.
    Frames are asked for one by one, so they can be decoded on the way.

    gif and webp have the same bytes for the same frames. gif has 256 colours a frame, dithered; webp and mp4 lose
    little that can be seen.

    Raises:
        BadInput: there are no frames, they differ in size, or mp4 is wanted and ffmpeg is missing or fails.
    """
    check_kind(kind)
    images = _images(frames)
    try:
        first = next(images)
    except StopIteration:
        raise BadInput("an animation needs at least one frame") from None
    milliseconds = max(_SHORTEST, round(1000 * seconds))
    if kind == "mp4":
        return _mp4(first, images, about, milliseconds)
    buffer = io.BytesIO()
    if kind == "gif":
        comment = {} if about is None else {"comment": text_of(about)}
        duration = round(milliseconds / _GIF_TICK) * _GIF_TICK
        rest = (_with_palette(image) for image in images)
        _with_palette(first).save(
            buffer, "GIF", save_all=True, append_images=rest, duration=duration, loop=0, **comment
        )
    else:
        said = {} if about is None else {"exif": exif_of(about), "xmp": xmp_of(about)}
        first.save(
            buffer, "WEBP", save_all=True, append_images=images, duration=milliseconds, loop=0, quality=90, **said
        )
    return buffer.getvalue()


def _images(frames: Iterable[Pixels]) -> Iterator[Image.Image]:
    size = None
    for frame in frames:
        pixels = shallow(frame)
        image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
        size = size or image.size
        if image.size != size:
            raise BadInput(
                f"frames of an animation have one size, and here are {size[0]}x{size[1]} and "
                f"{image.width}x{image.height}"
            )
        image.thumbnail((MOST_SIDE, MOST_SIDE), Image.Resampling.BICUBIC)
        yield image


def _with_palette(image: Image.Image) -> Image.Image:
    """In its own 256 colours. Of Pillow's ways this has the smallest error after blurring, and is the fastest."""
    if image.mode == "L":
        return image
    colours = image.quantize(256, method=Image.Quantize.FASTOCTREE)
    return image.quantize(palette=colours, dither=Image.Dither.FLOYDSTEINBERG)


def _mp4(first: Image.Image, rest: Iterator[Image.Image], about: Mapping[str, Any] | None, milliseconds: int) -> bytes:
    said = [] if about is None else ["-metadata", f"comment={text_of(about)}"]
    height, width = _even(first).shape[:2]
    with tempfile.TemporaryDirectory() as folder:
        # MP4 is not written to a pipe: what players want first is known last.
        path = Path(folder) / "animation.mp4"
        command = [
            *("ffmpeg", "-loglevel", "error", "-nostdin"),
            *("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}"),
            *("-framerate", f"1000/{milliseconds}", "-i", "pipe:0"),
            *("-c:v", "libx264", "-pix_fmt", "yuv420p", "-crf", "18"),
            *("-fflags", "+bitexact", "-flags:v", "+bitexact", "-movflags", "+faststart", *said, str(path)),
        ]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as ffmpeg:
            assert ffmpeg.stdin is not None
            assert ffmpeg.stderr is not None
            try:
                for image in itertools.chain([first], rest):
                    ffmpeg.stdin.write(_even(image).tobytes())
                ffmpeg.stdin.close()
            except BrokenPipeError:
                pass  # it gave up, and says why
            except BaseException:
                ffmpeg.kill()
                raise
            words = ffmpeg.stderr.read().decode("utf-8", "replace").split("\n")[0].strip()
        if ffmpeg.returncode:
            raise BadInput(f"ffmpeg could not make the mp4 ({words or ffmpeg.returncode}): choose gif or webp")
        return path.read_bytes()


def _even(image: Image.Image) -> Pixels:
    """[H, W, 3] with even sides, the last row and column repeated: many players know only halved chroma."""
    return np.pad(np.asarray(image.convert("RGB")), ((0, image.height % 2), (0, image.width % 2), (0, 0)), mode="edge")
