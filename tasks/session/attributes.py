"""What records say of themselves, as types: checked when it is read, as the store holds plain JSON."""

from collections.abc import Mapping
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from storage.document import Json
from storage.errors import StoreError

Kind = TypeVar("Kind")

_adapters: dict[type, object] = {}
"""By what they read: to make one takes longer than to read with it."""


def read_as(kind: type[Kind], values: Mapping[str, Json]) -> Kind:
    """The attributes of an output, or the parameters of a record, as a TypedDict; what that does not name is left out.

    A whole number becomes a float where one is asked for; `int | float` keeps it as it is stored.

    Raises StoreError where they are no such thing: a value is missing or of another type.
    """
    try:
        return _adapter_of(kind).validate_python(values)
    except ValidationError as problem:
        first = problem.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise StoreError(f"{place} of a stored {kind.__name__} is not as expected: {first['msg']}") from problem


def _adapter_of(kind: type[Kind]) -> TypeAdapter[Kind]:
    adapter = _adapters.get(kind)
    if not isinstance(adapter, TypeAdapter):
        adapter = _adapters[kind] = TypeAdapter(kind)
    return adapter
