"""What a setting is and what it may be, said once: in its annotation.

    starts: Annotated[int, About("Starts", "start images a unit"), Ge(1)] = 64

Whoever makes the settings is held to it (`check`), the command line explains its options with it, and pydantic makes
forms of it. The limits are of `annotated-types`, which pydantic knows; importing that costs nothing.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from annotated_types import Ge, Gt, Le, Lt, MinLen

from lib.errors import BadInput


@dataclass(frozen=True)
class About:
    """What a person is told of a setting: its label in a form, and one or two sentences."""

    title: str
    description: str

    def __get_pydantic_json_schema__(self, core_schema: Any, handler: Any) -> dict[str, Any]:
        return {**handler(core_schema), "title": self.title, "description": self.description}


def abouts(settings: type) -> dict[str, About]:
    """What is said of each attribute of a dataclass of settings."""
    return {name: next(part for part in get_args(hint) if isinstance(part, About)) for name, hint in _hints(settings)}


def check(settings: Any) -> None:
    """Raise BadInput for the first attribute outside of the limits of its annotation, by its name, in one line."""
    for name, hint in _hints(type(settings)):
        value = getattr(settings, name)
        if not _within(value, hint):
            raise BadInput(f"{name} is {value!r}; {_say_limits(hint)}")


def _hints(settings: type) -> list[tuple[str, Any]]:
    hints = get_type_hints(settings, include_extras=True)
    return [(field.name, hints[field.name]) for field in fields(settings)]


def _within(value: Any, hint: Any) -> bool:
    if get_origin(hint) is Annotated:
        plain, *limits = get_args(hint)
        return _within(value, plain) and (value is None or all(_keeps(value, limit) for limit in limits))
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    if get_origin(hint) in (Union, UnionType):
        return any(_within(value, one) for one in get_args(hint))
    if get_origin(hint) is tuple:
        return isinstance(value, tuple) and all(_within(part, get_args(hint)[0]) for part in value)
    if hint is type(None):
        return value is None
    # no setting is infinite, and comparisons with NaN are all false
    return value is not None and not (isinstance(value, float) and not math.isfinite(value))


def _keeps(value: Any, limit: Any) -> bool:
    match limit:
        case Ge(ge=least):
            return bool(value >= least)
        case Gt(gt=bound):
            return bool(value > bound)
        case Lt(lt=bound):
            return bool(value < bound)
        case Le(le=most):
            return bool(value <= most)
        case MinLen(min_length=length):
            return len(value) >= length
    return True


def _say_limits(hint: Any) -> str:
    plain, *limits = get_args(hint)
    if get_origin(plain) is Literal:
        return f"choose from {', '.join(get_args(plain))}"
    if words := " and ".join(_words(limits)):
        return f"it must be {words}"
    (about,) = (part for part in limits if isinstance(part, About))
    return f"it wants {about.description[:1].lower()}{about.description[1:]}"


def _words(limits: Any) -> Iterator[str]:
    for limit in limits:
        match limit:
            case Ge(ge=least):
                yield f"{least} or more"
            case Gt(gt=bound):
                yield f"above {bound}"
            case Lt(lt=bound):
                yield f"below {bound}"
            case Le(le=most):
                yield f"{most} or less"
