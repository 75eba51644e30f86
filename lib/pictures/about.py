"""What a picture's file says of how it was made: written so that it outlives being mailed and saved in another format.

It is one JSON object, as text. A PNG carries it three times: as PNG text, which shows in any tool that lists a file's
texts; as XMP and as EXIF's user comment, which other programs take along when they save the picture as JPEG, WebP or
TIFF. A GIF has a comment, an MP4 a tag. The text is ASCII, and holds no time, host or program.
"""

import json
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from typing import Any
from xml.sax.saxutils import escape

from PIL import ExifTags, Image

from lib.pictures.files import open_picture
from lib.pictures.signatures import FIRST, format_of

KEY = "dreamsweep"
"""Of the text in a PNG, and the one key of the JSON object."""
_NAMESPACE = "urn:dreamsweep:about#"
_CHARSET = b"ASCII\0\0\0"  # EXIF's user comment begins with it
_SCANNED = ("PNG", "JPEG", "WEBP", "TIFF", "GIF")
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"


def text_of(about: Mapping[str, Any]) -> str:
    """The one text that stands for `about`: equal mappings have equal texts.

    Raises ValueError for NaN and infinity, TypeError for what JSON cannot hold.
    """
    return json.dumps({KEY: about}, sort_keys=True, separators=(",", ":"), allow_nan=False)


def xmp_of(about: Mapping[str, Any]) -> bytes:
    """An XMP packet that holds the text."""
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{_RDF}">'
        f'<rdf:Description rdf:about="" xmlns:{KEY}="{_NAMESPACE}">'
        f"<{KEY}:about>{escape(text_of(about))}</{KEY}:about>"
        '</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="r"?>'
    ).encode()


def exif_of(about: Mapping[str, Any]) -> bytes:
    """EXIF of which the user comment is the text."""
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = _CHARSET + text_of(about).encode("ascii")
    return exif.tobytes()


def read_about(data: bytes) -> dict[str, Any] | None:
    """What the file of a PNG, JPEG, WebP, TIFF, GIF or MP4 says of how dreamsweep made it; None where it says nothing.

    Pixels are not looked at, so a picture that was cropped or painted over still tells what it came from. Never raises:
    what cannot be read says nothing.
    """
    try:
        texts = _in_mp4(data) if data[4:8] == b"ftyp" else _in_picture(data)
        return next((about for text in texts if (about := _parse(text)) is not None), None)
    # As in `picture_file`: Pillow raises many kinds.
    except Exception:
        return None


def _parse(text: str | bytes) -> dict[str, Any] | None:
    try:
        about = json.loads(text)[KEY]
    except (ValueError, TypeError, LookupError, RecursionError):
        return None
    return about if isinstance(about, dict) else None


def _in_picture(data: bytes) -> Iterator[str | bytes]:
    """The texts in a picture in which ours may be, those first that cost least to read."""
    if format_of(data[:FIRST]) not in _SCANNED:
        return
    with open_picture(data) as image:
        yield from (image.info[name] for name in (KEY, "comment") if name in image.info)
        yield from _in_xmp(image.info.get("xmp", b""))
        if image.format == "PNG":
            # Other programs put texts and EXIF behind the pixels, which are decoded on the way there.
            image.load()
            yield from (image.info[name] for name in (KEY,) if name in image.info)
            yield from _in_xmp(image.info.get("xmp", b""))
        comment = image.getexif().get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.UserComment, "")
        yield comment.removeprefix(_CHARSET) if isinstance(comment, bytes) else comment


def _in_xmp(packet: bytes) -> Iterator[str]:
    # Entities could be made to swell up; XMP has none.
    if not packet or b"<!" in packet:
        return
    name = f"{{{_NAMESPACE}}}about"
    for element in ET.fromstring(packet.strip(b"\0")).iter():
        # Other programs write a simple property as an attribute.
        yield from filter(None, [element.get(name), element.text if element.tag == name else None])


def _in_mp4(data: bytes) -> Iterator[str]:
    """The text wherever it stands: the tag that ffmpeg writes it to differs, the text itself does not."""
    marker = f'{{"{KEY}":'.encode()
    at = data.find(marker)
    while at >= 0:
        try:
            _, end = json.JSONDecoder().raw_decode(data[at : at + 2**20].decode("latin-1"))
            yield data[at : at + end].decode("ascii", "replace")
        except (ValueError, RecursionError):
            pass
        at = data.find(marker, at + 1)
