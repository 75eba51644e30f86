"""What all forms are: models whose fields may be left empty, with paths of any name and defaults of this machine."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, PlainSerializer, WrapValidator, model_validator
from pydantic.json_schema import JsonSchemaValue

from lib.errors import BadValue
from lib.pictures.names import parse_name, show_name

LARGEST = 10**18
"""Of whole numbers, which have 64 bits where they are computed with. Seeds may be as large."""


def path_of(place: str | Path) -> Path:
    """Where something is that is named as `lib.pictures.names` shows it: so a form can name files of any name."""
    return at_home(Path(parse_name(str(place))))


def at_home(path: Path) -> Path:
    """The path, with a ~ in its beginning taken for the home of the user, if there is that user."""
    try:
        return path.expanduser()
    except RuntimeError:
        return path


def left_empty(schema: JsonSchemaValue) -> None:
    """Make of each field that may be None one that may be left empty: a form would have a switch before it instead.

    Objects keep the switch: they have no look of their own when they are empty. So do fields with a default on this
    machine, which Prefect's server would not let be none otherwise.
    """
    for field in schema["properties"].values():
        kinds = [kind for kind in field.get("anyOf", []) if kind.get("type") != "null"]
        if len(kinds) == 1 and "$ref" not in kinds[0] and field.get("default") is None:
            del field["anyOf"]
            field.update(kinds[0])
            field.pop("default", None)


class Form(BaseModel):
    """What is filled in, by people or by programs. An empty text is none; what is not known is refused."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=left_empty)

    @model_validator(mode="before")
    @classmethod
    def _empty_is_none(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        for name, value in given.items():
            _check(name, value)
        return {name: value for name, value in given.items() if value != ""}


def _check(name: str, value: Any) -> None:
    """Raise BadValue where a value, or what is in it, is of a kind that no field has, and libraries stumble on."""
    waiting = [(name, value)]
    while waiting:
        called, one = waiting.pop()
        if isinstance(one, dict):
            waiting += [(str(key), inside) for key, inside in one.items()]
        elif isinstance(one, list | tuple):
            waiting += [(called, inside) for inside in one]
        elif isinstance(one, int) and abs(one) > LARGEST:
            raise BadValue(called, one, "it must be a number of fewer than 19 digits")
        elif isinstance(one, str) and "\0" in one:
            raise BadValue(called, one, "it must hold no null character")


def _shown_path(path: Path) -> str:
    return show_name(str(path))


def has_default(make: Callable[[], str | Path | BaseModel | None]) -> Callable[[JsonSchemaValue], None]:
    """A form shows the default although it is only known on this machine, or is a form itself."""

    def extra(schema: JsonSchemaValue) -> None:
        made = make()
        if isinstance(made, BaseModel):
            schema["default"] = made.model_dump(mode="json", exclude_none=True)
        elif made is not None:
            schema["default"] = str(made)

    return extra


Place = Annotated[
    Path,
    WrapValidator(lambda place, as_path: path_of(place) if isinstance(place, str) else as_path(place)),
    PlainSerializer(_shown_path, when_used="json"),
]
"""A file or folder of any name: forms have it as `lib.pictures.names` shows it."""
