"""What the header of an array in NumPy's format says, before any of the array is read.

NumPy reads a header of any length and hands it to Python's parser; here it has the few hundred bytes that one needs.
"""

import io
from typing import IO, Any

import numpy as np

from lib.errors import BadInput

_LONGEST = 10_000
"""Bytes of a header. One of a plain array has 118."""


def read_header(file: IO[bytes], where: str) -> tuple[tuple[int, ...], Any]:
    """The shape of an array and the type of its numbers. Raises BadInput where there is no such header."""
    start = file.read(12)
    if start[:6] != b"\x93NUMPY" or len(start) < 12:
        raise BadInput(f"{where} is no array of NumPy, or is damaged: save it again")
    in_two = start[6] == 1
    length = int.from_bytes(start[8:10] if in_two else start[8:12], "little")
    if length > _LONGEST or start[6] > 3:
        raise BadInput(f"{where} has a header that no array of numbers needs: save it again, as an array of numbers")
    header = io.BytesIO(start + file.read(length - 2 if in_two else length))
    try:
        version = np.lib.format.read_magic(header)
        if version == (1, 0):
            shape, _, dtype = np.lib.format.read_array_header_1_0(header)
        else:
            shape, _, dtype = np.lib.format.read_array_header_2_0(header)
    # Python's parser, and NumPy's, raise many kinds for what is no header
    except Exception as problem:
        raise BadInput(f"{where} is no array of NumPy, or is damaged: save it again") from problem
    if dtype.hasobject:
        raise BadInput(
            f"{where} holds Python objects, which may be code: they are not read; save it as an array of numbers"
        )
    if len(shape) > _MOST_SIDES or any(isinstance(side, bool) or side < 0 for side in shape):
        raise BadInput(f"{where} is no array of NumPy, or is damaged: save it again")
    return tuple(shape), dtype


_MOST_SIDES = 32
