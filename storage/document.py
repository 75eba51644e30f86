"""JSON documents: one canonical form, so that equal documents have equal bytes and one digest.

UTF-8, sorted keys, no spaces, and neither NaN nor infinity: Python would write them, and nothing else could read them.
A *sealed* document carries the SHA-256 of the rest of itself, so that a changed or torn one is noticed on reading.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any

from storage.errors import StoreError

Json = str | int | float | bool | None | list["Json"] | dict[str, "Json"]

SEAL = "sha256"


def plain(value: Any, where: str) -> Json:
    """The same value in JSON's own types: tuples become lists, NumPy scalars become numbers, enums their values.

    `where` names the value in messages. Raises StoreError for NaN, infinity and what JSON cannot hold.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise StoreError(f"{where} is {value}, which JSON cannot hold: give a finite number or null")
        return float(value)
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise StoreError(f"{where} has the key {key!r}: keys of stored documents are texts")
        return {str.__str__(key): plain(item, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, f"{where}[{position}]") for position, item in enumerate(value)]
    if hasattr(value, "dtype") and getattr(value, "shape", None) == ():
        return plain(value.item(), where)
    raise StoreError(
        f"{where} is a {type(value).__name__}, which JSON cannot hold: give numbers, texts, lists or mappings"
    )


def plain_mapping(value: Mapping[str, Any], where: str) -> dict[str, Json]:
    """`plain` for a mapping."""
    result = plain(value, where)
    if not isinstance(result, dict):
        raise StoreError(f"{where} must be a mapping")
    return result


def encode(value: Mapping[str, Any], where: str = "document") -> bytes:
    """The canonical bytes of a document. Raises StoreError as `plain` does."""
    text = json.dumps(plain(value, where), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise StoreError(
            f"{where} holds a text that is not valid Unicode: {error.object[error.start : error.end]!r}"
        ) from None


def decode(data: bytes) -> dict[str, Any]:
    """The document in these bytes. Raises ValueError where they are not one JSON object."""
    document = json.loads(data.decode("utf-8"), parse_constant=_refuse)
    if not isinstance(document, dict):
        raise ValueError("not a JSON object")
    return document


def digest_of(data: bytes) -> str:
    """The digest of these bytes: their SHA-256 as 64 small hexadecimal characters."""
    return hashlib.sha256(data).hexdigest()


def seal(value: Mapping[str, Any], where: str) -> bytes:
    """The canonical bytes of a document together with its seal."""
    return encode({**value, SEAL: digest_of(encode(value, where))}, where)


def unseal(data: bytes) -> dict[str, Any]:
    """The sealed document in these bytes, without its seal. Raises ValueError where it is torn or was changed."""
    document = decode(data)
    document.pop(SEAL, None)
    try:
        # Not only the seal: `1E5` for `1e5` says the same, and is a changed byte all the same.
        whole = seal(document, "document") == data
    except StoreError:
        whole = False
    if not whole:
        raise ValueError("its bytes do not match its seal")
    return document


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
