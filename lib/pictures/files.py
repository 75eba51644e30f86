"""Pictures out of files, as a dream wants them: upright, in sRGB, and as numbers."""

import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from lib.arrays import Array, Bytes, Pixels, Words
from lib.errors import BadInput
from lib.pictures import heif
from lib.pictures.icc import deep_tones, lab_to_srgb, to_srgb
from lib.pictures.opening import NO_SIZE, read_picture_file, tell_format
from lib.pictures.signatures import FIRST
from lib.pictures.structure.formats import CHECKS
from lib.pictures.structure.limits import MOST_PIXELS, check_frames, check_pixels

__all__ = ["MOST_PIXELS"]

# What `check_pixels` lets through must not be refused by a bound of Pillow's, nor more be let through by it.
Image.MAX_IMAGE_PIXELS = MOST_PIXELS // 2
# Pillow warns from half of its bound, and says of damaged files twice what the error says.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")

# TIFF's tags and values
_SUBFILE, _REDUCED_OR_MASK = 254, 0b101
_BITS = 258
_PHOTOMETRIC, _WHITE_IS_ZERO = 262, 0
_PAGE_DURATION = 1000  # ms

# EXIF's
_ORIENTATION, _LIES_ON_ITS_SIDE = 0x0112, 5


@dataclass(frozen=True)
class Picture:
    """A decoded picture, or several of one size: an animation, or a TIFF's pages.

    `frames` [F, H, W, C], C = 1 for grey and 3 for sRGB; uint16 for grey of more than 8 bits, else uint8. `alpha`
    [F, H, W], uint8, 255 for opaque; None where all is, and beside uint16. `durations`: milliseconds of each frame.
    `loops`: how often an animation is played, 0 for ever.
    """

    frames: Pixels
    alpha: Bytes | None = None
    durations: tuple[int, ...] = (0,)
    loops: int = 0


@dataclass(frozen=True)
class Size:
    """Of a picture as it is stored: one that lies on its side is turned only when it is decoded."""

    height: int
    width: int
    frames: int

    @property
    def pixels(self) -> int:
        """Of all frames."""
        return self.height * self.width * self.frames


def size_of(source: bytes | Path) -> Size:
    """The size of a picture, from its header: nothing is decoded. Raises BadInput as `decode` does."""
    with open_picture(source) as image:
        return _size(image)


@dataclass(frozen=True)
class Head:
    """What a picture's header says: its height and width as it is seen, upright, and whether it has colours."""

    height: int
    width: int
    colour: bool


def head_of(source: Path) -> Head:
    """The header of a picture, of which nothing is decoded. Raises BadInput as `decode` does."""
    with open_picture(source) as image:
        colour = image.mode not in ("1", "L", "I", "I;16", "I;16B", "F")
        if image.getexif().get(_ORIENTATION, 1) >= _LIES_ON_ITS_SIDE:
            return Head(image.width, image.height, colour)
        return Head(image.height, image.width, colour)


def decode_first(data: bytes, least: int | None = None) -> Picture:
    """The first frame alone of what `decode` decodes. Raises BadInput as that does.

    `least`: pixels of either side, of which a large JPEG need not have more: it is decoded at a half, a quarter or an
    eighth of its size as long as it has twice as many, which takes a fraction of time and memory.
    """
    with open_picture(data) as image:
        if least is not None and image.format == "JPEG":
            image.draft(None, (2 * least, 2 * least))
        pixels, alpha, _ = next(_frames(image))
        return Picture(pixels[np.newaxis], None if alpha is None else alpha[np.newaxis])


def decode(data: bytes) -> Picture:
    """The picture in the bytes of a JPEG, PNG, WebP, TIFF, BMP, GIF, PPM, JPEG 2000, AVIF or HEIC file.

    - EXIF's orientation is applied, and an ICC profile: the result is sRGB. CMYK without a profile is converted by
      arithmetic, as nobody knows what inks were meant.
    - Grey of 9 to 16 bits stays as deep, on the scale of uint16, unless parts of it are transparent; colours of 16 bits
      become 8, as Pillow reads them.
    - An animation's frames are whole pictures, each as it is seen. A TIFF's pages are frames of a second each, without
      thumbnails and masks; of the several pictures in a phone's JPEG only the first is taken.

    Raises:
        BadInput: the file is empty, truncated, damaged, no picture, larger than `MOST_PIXELS`, of pixels with more than
            16 bits, or a TIFF with pages of different sizes. The message is one line that can follow the file's name.
    """
    with open_picture(data) as image:
        _size(image)
        images = list(_frames(image))
        loops = _loops(image)
    if len({(pixels.shape[:2]) for pixels, _, _ in images}) > 1:
        raise BadInput(f"has {len(images)} pages of different sizes: save each as a file of its own")
    frames = [pixels for pixels, _, _ in images]
    channels = max(pixels.shape[2] for pixels in frames)
    if len({pixels.dtype for pixels in frames}) > 1 or channels == 3:
        frames = [np.broadcast_to(shallow(pixels), (*pixels.shape[:2], channels)) for pixels in frames]
    alpha = None
    if any(transparency is not None for _, transparency, _ in images):
        opaque = np.full(frames[0].shape[:2], 255, np.uint8)
        alpha = _stack([opaque if transparency is None else transparency for _, transparency, _ in images])
    return Picture(_stack(frames), alpha, tuple(duration for _, _, duration in images), loops)


def first_frame(data: bytes) -> Image.Image:
    """A picture file's first frame, upright and in sRGB, with 8 bits a channel. Raises BadInput as `decode` does."""
    picture = decode(data)
    pixels = shallow(picture.frames[0])
    image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    if picture.alpha is not None:
        image.putalpha(Image.fromarray(picture.alpha[0]))
    return image


def shallow(pixels: Pixels) -> Bytes:
    """The same pixels with 8 bits, rounded."""
    if pixels.dtype == np.uint16:
        pixels = ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)
    return pixels.view(np.uint8)


def media_type(data: bytes) -> str:
    """The media type of a picture's bytes, as `image/jpeg`. Raises BadInput as `decode` does."""
    with open_picture(data) as image:
        return image.get_format_mimetype() or "application/octet-stream"


def _stack(frames: Sequence[Array]) -> Array:
    # A large photograph is not copied.
    return frames[0][np.newaxis] if len(frames) == 1 else np.stack(frames)


@contextmanager
def open_picture(source: bytes | Path) -> Iterator[ImageFile.ImageFile]:
    """The picture, its header read; whatever goes wrong while it is open becomes BadInput.

    What kind of file it is and how it is built was looked at before, and only the decoder of its own format sees it.
    """
    try:
        data = source if isinstance(source, bytes) else read_picture_file(source)
        name = tell_format(data[:FIRST])
        if name == "HEIF" and not heif.register():
            raise BadInput("is HEIC, which is read where pillow-heif is installed: install that, or save it as JPEG")
        with Image.open(io.BytesIO(CHECKS[name](data)), formats=(name,)) as image:
            check_pixels(image.width, image.height, format=name)
            yield image
    except BadInput:
        raise
    except Image.DecompressionBombError as problem:
        raise BadInput(f"is too large: more than {MOST_PIXELS // 10**6} million pixels") from problem
    except UnidentifiedImageError as problem:
        raise BadInput(NO_SIZE) from problem
    except MemoryError as problem:
        raise BadInput("is too large for this machine's memory: scale it down") from problem
    except OSError as problem:
        if problem.errno is not None:
            raise BadInput(f"cannot be read: {problem.strerror}") from problem
        raise _damage_error(problem) from problem
    # Pillow's decoders raise many kinds; each means that this picture cannot be used.
    except Exception as problem:
        raise _damage_error(problem) from problem


def _damage_error(problem: Exception) -> BadInput:
    words = " ".join(str(problem).split()) or type(problem).__name__
    return BadInput(f"is truncated or damaged: {words}")


def _size(image: Image.Image) -> Size:
    frames = len(_frame_numbers(image))
    check_frames(frames)
    check_pixels(image.width, image.height, frames)
    return Size(image.height, image.width, frames)


def _frame_numbers(image: Image.Image) -> range:
    """Which of the frames in the file are those of the picture."""
    # A HEIC file opens with the picture that is meant, wherever among the others it lies.
    if image.format == "HEIF":
        return range(image.tell(), image.tell() + 1)
    # Beside a photograph, a JPEG holds its preview, its depth or another exposure.
    count = 1 if image.format in ("JPEG", "MPO") else getattr(image, "n_frames", 1)
    # The picture of an animated PNG for those who see no animations is not part of it.
    return range(1 if getattr(image, "default_image", False) and count > 1 else 0, count)


def _frames(image: Image.Image) -> Iterator[tuple[Pixels, Bytes | None, int]]:
    """Pixels [H, W, C], alpha [H, W] and duration of each frame."""
    wanted = _frame_numbers(image)
    paged = image.format == "TIFF" and len(wanted) > 1
    profile = image.info.get("icc_profile")
    size = image.size
    for number in wanted:
        image.seek(number)
        if paged and number and image.getexif().get(_SUBFILE, 0) & _REDUCED_OR_MASK:
            continue
        if image.size != size:  # known before it is decoded: together they may have any number of pixels
            raise BadInput(f"has {len(wanted)} pages of different sizes: save each as a file of its own")
        image.load()
        duration = _PAGE_DURATION if paged else image.info.get("duration", 0)
        upright = _turn_upright(_full_scale(image), alone=len(wanted) == 1)
        yield *_pixels(upright, image.info.get("icc_profile", profile)), round(duration)


def _turn_upright(image: Image.Image, *, alone: bool) -> Image.Image:
    if not alone:
        return ImageOps.exif_transpose(image)
    # A photograph of 24 megapixels takes 96 MB in Pillow: not twice, if it stands upright as it is.
    ImageOps.exif_transpose(image, in_place=True)
    return image


def _loops(image: Image.Image) -> int:
    loops = image.info.get("loop")
    if image.format != "GIF":
        return int(loops or 0)
    # A GIF says how often it is repeated after the first time, or nothing.
    return 1 if loops is None else loops + 1 if loops else 0


def _pixels(image: Image.Image, profile: bytes | None) -> tuple[Pixels, Bytes | None]:
    """[H, W, C] and alpha [H, W] of an image of any mode, in sRGB."""
    alpha = None
    if image.mode.startswith("I") or image.mode == "F":
        deep = _deep(image)
        if "transparency" not in image.info:
            tones = deep_tones(profile) if profile else None
            return (deep if tones is None else tones[deep])[:, :, np.newaxis], None
        alpha = np.where(deep == image.info["transparency"], np.uint8(0), np.uint8(255))
        image = Image.fromarray(shallow(deep))
    grey = image.mode in ("1", "L", "LA", "La")
    if image.has_transparency_data:
        image = image.convert("LA" if grey else "RGBA")
        alpha = np.asarray(image.getchannel("A"))
    if image.mode == "LAB":
        return np.asarray(lab_to_srgb(image)), alpha
    if image.mode != "CMYK":
        image = _convert(image, "L" if grey else "RGB")
    convert = to_srgb(profile, image.mode) if profile else None
    pixels = np.asarray(convert(image) if convert else _convert(image, "L" if grey else "RGB"))
    return pixels[:, :, np.newaxis] if grey else pixels, None if alpha is None or alpha.min() == 255 else alpha


def _convert(image: Image.Image, mode: str) -> Image.Image:
    return image if image.mode == mode else image.convert(mode)


def _full_scale(image: Image.Image) -> Image.Image:
    """A TIFF's deep grey from black to white, where Pillow hands out its numbers as they are."""
    if image.format != "TIFF" or not image.mode.startswith("I;16"):
        return image
    tags = image.tag_v2  # type: ignore[attr-defined]
    tones = np.asarray(image).astype(np.uint32)
    if tags.get(_BITS) == (12,):
        tones = (tones * 65535 + 2047) // 4095
    if tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
        tones = 65535 - tones
    return Image.fromarray(tones.astype(np.uint16))  # upright already: Pillow turns a TIFF when it loads it


def _deep(image: Image.Image) -> Words:
    values: Array = np.asarray(image)
    if image.mode == "F" or values.min() < 0 or values.max() > 65535:
        raise BadInput("has pixels below 0 or of more than 16 bits: save it with 8 or 16 bits a channel")
    return values.astype(np.uint16)
