"""Zip archives, whose list of members is looked at before a member is read: what it promises, the file must hold."""

from __future__ import annotations

import io
import shutil
import zipfile
from pathlib import PurePosixPath
from typing import BinaryIO

from lib.door import limits
from lib.door.pieces import Pieces, TooMuch
from lib.errors import BadInput

_ENCRYPTED = 0x1 | 0x40 | 0x2000
_PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_HEAD = 30  # bytes before a member's name, and its data behind that


def open_archive(source: bytes | BinaryIO, name: str) -> zipfile.ZipFile:
    """A zip archive whose members may be read one by one; whether their checksums match is seen then.

    Args:
        source: its bytes, or the open file, which must stay open as long as the archive is read.
        name: what messages call it.

    Raises:
        BadInput: it is damaged, holds more members or bytes than it may, or members that are encrypted, packed in a
            rare way, lie over each other or beyond the file's end, or have doubtful names.
    """
    file = io.BytesIO(source) if isinstance(source, bytes) else source
    pieces = Pieces(file, limits.MOST_DIRECTORY)
    try:
        archive = zipfile.ZipFile(pieces)
    except TooMuch as problem:
        raise BadInput(f"{name} is an archive of too many members: name one that holds no other files") from problem
    # what a torn or forged list raises is of many kinds
    except Exception as problem:
        raise BadInput(f"{name} is damaged: it is no whole zip archive; get or save it again") from problem
    pieces.free()
    _check(archive, name)
    return archive


def read_member(archive: zipfile.ZipFile, member: str, name: str, most: int = limits.MOST_UNPACKED) -> bytes:
    """The bytes of a member. Raises BadInput where it is larger than `most`, there is none, or it is damaged."""
    out = io.BytesIO()
    copy_member(archive, member, name, out, most)
    return out.getvalue()


def copy_member(
    archive: zipfile.ZipFile, member: str, name: str, out: BinaryIO, most: int = limits.MOST_UNPACKED
) -> None:
    """Write the bytes of a member, piece by piece. Raises BadInput as `read_member` does."""
    if member not in archive.NameToInfo:
        raise BadInput(f"{name} is damaged: it has no {member}; get or save it again")
    if (size := archive.getinfo(member).file_size) > most:
        raise BadInput(f"{member} in {name} has {size:,} bytes, and at most {most:,} are read: make it smaller")
    try:
        with archive.open(member) as inside:
            shutil.copyfileobj(inside, out, limits.MB)
    # a torn archive shows itself in many ways, as by a checksum that does not match
    except Exception as problem:
        raise BadInput(f"{name} is damaged: its {member} cannot be unpacked; get or save it again") from problem


def _check(archive: zipfile.ZipFile, name: str) -> None:
    members = archive.infolist()
    seen: set[str] = set()
    for one in members:
        if one.filename in seen:
            raise BadInput(f"{name} holds two members {one.filename[:100]!r}: save it again")
        seen.add(one.filename)
        _check_member(one, name)
    # each begins behind the end of the one before, and the last ends before the list
    ordered = sorted(members, key=lambda one: one.header_offset)
    ends = [one.header_offset for one in ordered[1:]] + [archive.start_dir] * bool(ordered)
    for one, end in zip(ordered, ends, strict=True):
        if one.header_offset < 0 or one.header_offset + _HEAD + one.compress_size > end:
            raise BadInput(f"{name} is damaged: its members promise more bytes than it holds; get or save it again")
    if sum(one.file_size for one in members) > limits.MOST_UNPACKED:
        raise BadInput(
            f"{name} would unpack to more than {limits.MOST_UNPACKED // limits.GB} GB: name one that holds less"
        )


def _check_member(one: zipfile.ZipInfo, name: str) -> None:
    called = one.filename[:100]
    path = PurePosixPath(one.filename.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or len(one.filename) > limits.LONGEST_NAME or ":" in called[:2]:
        raise BadInput(f"{name} holds the member {called!r}, which is no name within an archive: save it again")
    if one.flag_bits & _ENCRYPTED:
        raise BadInput(f"{name} is encrypted: unpack it with its password, and save it without one")
    if one.compress_type not in _PACKED:
        raise BadInput(f"{name} is packed in a way that is not read: save it again, stored or deflated")
    if one.file_size > limits.FREELY_UNPACKED and one.file_size > limits.MOST_EXPANSION * one.compress_size:
        raise BadInput(
            f"{name} holds {called!r}, which unpacks to {one.file_size / limits.MB:,.0f} MB as a decompression bomb "
            "does: save it again without compression"
        )
    if one.compress_type == zipfile.ZIP_STORED and one.file_size != one.compress_size:
        raise BadInput(f"{name} is damaged: its members promise more bytes than it holds; get or save it again")
