"""Files of HDF5, walked before an array is read: nothing in them lies elsewhere, and all that they promise is there.

HDF5 follows links into other files, reads arrays out of them, loads libraries for filters that it does not know, and
gives any number of zeros for an array that was never written. None of that is wanted from a file that a user names.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, BinaryIO

from lib.door import limits
from lib.door.pieces import Pieces, TooMuch
from lib.errors import BadInput

if TYPE_CHECKING:
    import h5py

LARGEST_ITEM = 16
"""Bytes of one number: of a complex one of doubles."""
UNREAD = frozenset({"DIMENSION_LIST", "REFERENCE_LIST"})
"""What netCDF and h5py write of the scales of an array's dimensions: references, which nobody follows."""
LONGEST_TEXT = 64 << 10
"""Bytes of one text of fixed length, as names of classes and layers are."""


@dataclass(frozen=True)
class Held:
    """An array in a file: its path, its shape, and the bytes of all its items."""

    path: str
    shape: tuple[int, ...]
    bytes: int


def open_hdf5(
    source: bytes | BinaryIO, name: str, most_texts: int = limits.MOST_HDF5_OBJECTS
) -> tuple[h5py.File, list[Held]]:
    """A file of HDF5 that holds all of what it promises, and its arrays of numbers.

    Args:
        source: its bytes, or the open file, which must stay open as long as it is read.
        name: what messages call it.
        most_texts: how many texts of any length an array may hold.

    Raises:
        BadInput: it is damaged, reads other files, needs plug-ins, or promises more than it holds.
    """
    import h5py

    file = io.BytesIO(source) if isinstance(source, bytes) else source
    pieces = Pieces(file, limits.MOST_HDF5_PIECE, limits.MOST_HDF5_LOOK)
    size = file.seek(0, io.SEEK_END)
    opened = None
    try:
        opened = h5py.File(pieces, "r")
        held = list(_walk(opened, name, size, pieces, most_texts))
        pieces.free()
        return opened, held
    except BadInput:
        _close(opened)
        raise
    # HDF5 tells of damage in many ways, and some of them hide ours
    except Exception as problem:
        _close(opened)
        if pieces.refused or isinstance(problem, TooMuch):
            raise BadInput(f"{name} has more to describe than arrays: save it again with nothing but them") from problem
        raise BadInput(f"{name} is damaged, or no file of HDF5: get or save it again") from problem


def _close(file: h5py.File | None) -> None:
    if file is not None:
        file.close()


def _walk(file: h5py.File, name: str, size: int, pieces: Pieces, most_texts: int) -> Iterator[Held]:
    """Every array, each group once however many lead to it."""
    import h5py

    root = h5py.h5o.get_info(file.id)
    seen = {(root.fileno, root.addr)}
    waiting: list[tuple[str, h5py.Group]] = [("", file)]
    objects = 0
    texts: list[tuple[int, h5py.h5a.AttrID]] = []
    while waiting:
        path, group = waiting.pop()
        objects += len(group.attrs) + len(group) + 1
        _check_count(objects, name)
        if path.count("/") > limits.DEEPEST_HDF5:
            raise BadInput(f"{name} nests groups more than {limits.DEEPEST_HDF5} deep: save it again with fewer")
        texts += _texts(group, name)
        for part in group:
            link = group.get(part, getlink=True)
            if isinstance(link, h5py.ExternalLink):
                raise BadInput(f"{name} reads {part[:100]!r} out of another file: save it again, all in one file")
            if isinstance(link, h5py.SoftLink):
                raise BadInput(f"{name} holds the link {part[:100]!r} to another place: save it again without links")
            inside = group[part]
            info = h5py.h5o.get_info(inside.id)
            place = (info.fileno, info.addr)
            if place in seen:
                if isinstance(inside, h5py.Group):
                    raise BadInput(
                        f"{name} holds a group under two names ({part[:100]!r}): save it again without links"
                    )
                continue
            seen.add(place)
            below = f"{path}/{part}"
            if isinstance(inside, h5py.Group):
                waiting.append((below, inside))
            elif isinstance(inside, h5py.Dataset):
                objects += len(inside.attrs)
                _check_count(objects, name)
                texts += _texts(inside, name)
                held = _held(inside, below, name, size, most_texts)
                if held is not None:
                    yield held
            else:
                raise BadInput(f"{name} holds {part[:100]!r}, which is no array: save it again with nothing but arrays")
    _check_texts(texts, name, pieces)


def _check_count(objects: int, name: str) -> None:
    if objects > limits.MOST_HDF5_OBJECTS:
        raise BadInput(
            f"{name} holds more than {limits.MOST_HDF5_OBJECTS:,} groups and arrays: save it again with fewer"
        )


def _texts(place: h5py.Group | h5py.Dataset, name: str) -> Iterator[tuple[int, h5py.h5a.AttrID]]:
    """The attributes that are texts of any length, each with their number; other ones are looked at, and left out."""
    import h5py

    for key in place.attrs:
        if key in UNREAD:
            continue
        about = place.attrs.get_id(key)
        kind: Any = about.get_type()
        count = prod(about.shape)
        called = key[:100]
        if isinstance(kind, h5py.h5t.TypeStringID) and kind.is_variable_str():
            yield count, about
        elif not isinstance(kind, (*_plain_types(), h5py.h5t.TypeStringID)):
            raise BadInput(f"{name} describes {called!r} by neither numbers nor texts: save it again without that")
        elif count * about.get_type().get_size() > limits.MOST_HDF5_PIECE:
            raise BadInput(f"{name} describes {called!r} by too much: save it again without that")


def _check_texts(texts: list[tuple[int, h5py.h5a.AttrID]], name: str, pieces: Pieces) -> None:
    """Read the texts once, those first that are many: as many may be one text in the file that has few bytes."""
    import numpy as np

    for count, about in sorted(texts, key=lambda one: -one[0]):
        # a text is read with the heap that it lies in, whose bytes bound those of the text
        pieces.piece = min(pieces.piece or 0, max(limits.MOST_TEXTS // max(count, 1), 4 << 10))
        about.read(np.empty(about.shape, dtype=about.dtype))


def _plain_types() -> tuple[type, ...]:
    from h5py import h5t

    return (h5t.TypeIntegerID, h5t.TypeFloatID, h5t.TypeEnumID, h5t.TypeBitfieldID, h5t.TypeOpaqueID)


def _held(array: h5py.Dataset, path: str, name: str, size: int, most_texts: int) -> Held | None:
    """What an array holds; None for one of texts."""
    import h5py

    called = path[-100:]
    kind = array.id.get_type()
    settings = array.id.get_create_plist()
    if settings.get_external_count() or settings.get_layout() == h5py.h5d.VIRTUAL:
        raise BadInput(f"{name} reads {called!r} out of another file: save it again, all in one file")
    text = isinstance(kind, h5py.h5t.TypeStringID)
    of_numbers = isinstance(kind, _plain_types()) or _is_complex(kind)
    if text and kind.is_variable_str():
        if array.size and array.size > most_texts:
            raise BadInput(f"{name} holds too many texts in {called!r}: save it again with fewer")
        return None
    if not (text or of_numbers) or kind.get_size() > (LONGEST_TEXT if text else LARGEST_ITEM):
        raise BadInput(f"{name} holds {called!r}, which is no array of numbers or texts: save it again as one")
    if array.shape is None:
        return None
    wanted = prod(array.shape) * kind.get_size()
    _check_storage(array, settings, wanted, called, name, size)
    return None if text else Held(path, array.shape, wanted)


def _is_complex(kind: object) -> bool:
    """Whether a compound type is how complex numbers, or the halves of one number, are written."""
    import h5py

    if not isinstance(kind, h5py.h5t.TypeCompoundID):
        return False
    return kind.get_nmembers() == 2 and all(
        isinstance(kind.get_member_type(part), h5py.h5t.TypeFloatID) for part in range(2)
    )


def _check_storage(array: h5py.Dataset, settings: object, wanted: int, called: str, name: str, size: int) -> None:
    """Raise BadInput where an array is promised more bytes than lie in the file, or packed as nothing packs itself."""
    import h5py

    known = (
        *(h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32, h5py.h5z.FILTER_SZIP),
        *(h5py.h5z.FILTER_SCALEOFFSET, 5, h5py.h5z.FILTER_LZF),
    )
    filters = [settings.get_filter(number)[0] for number in range(settings.get_nfilters())]  # type: ignore[attr-defined]
    if any(one not in known for one in filters):
        raise BadInput(f"{name} packs {called!r} in a way that needs a plug-in: save it again with gzip, or unpacked")
    if len(filters) != len(set(filters)):
        raise BadInput(f"{name} packs {called!r} twice: save it again with gzip, or unpacked")
    stored = array.id.get_storage_size()
    expansion = 1
    if set(filters) - {h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32}:
        expansion = limits.MOST_EXPANSION if wanted > limits.FREELY_UNPACKED else limits.DEFLATED
    # what was never written is read as zeros; a few may be so
    if stored > size or wanted > max(stored * expansion, limits.MB):
        raise BadInput(
            f"{name} promises {wanted / limits.MB:,.1f} MB in {called!r} and holds {stored / limits.MB:,.1f} MB of it: "
            "it is damaged, or a decompression bomb; save it again"
        )
    if array.chunks is not None:
        chunk = prod(array.chunks) * array.dtype.itemsize
        if chunk > max(limits.MB, min(limits.MOST_CHUNK, 8 * wanted)):
            raise BadInput(
                f"{name} packs {called!r} in pieces of {chunk / limits.MB:,.0f} MB: save it again in pieces of 1 MB"
            )
