"""What a setting is and what it may be, said once: in its annotation.

    starts: Annotated[int, About("Restarts", "How many start images a unit gets."), Ge(1)] = 64

Whoever makes the settings is held to it (`check`), the command line explains its options with it, and pydantic makes
forms of it. The limits are of `annotated-types`, which pydantic knows; importing that costs nothing.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from annotated_types import Ge, Gt, Le, Lt, MinLen

from lib.errors import BadValue


@dataclass(frozen=True)
class About:
    """What a person is told of a setting: its label in a form, and one or two sentences."""

    title: str
    description: str

    def __get_pydantic_json_schema__(self, core_schema: Any, handler: Any) -> dict[str, Any]:
        return {**handler(core_schema), "title": self.title, "description": self.description}


def check(settings: Any) -> None:
    """Raise BadValue for the first attribute outside of the limits of its annotation, by its name, in one line."""
    for name, hint in hints_of(type(settings)).items():
        value = getattr(settings, name)
        if not _within(value, hint):
            raise BadValue(name, value, say_limits(hint))


def hints_of(settings: type) -> dict[str, Any]:
    """The annotation of each attribute of a dataclass of settings, with what is said of it and its limits."""
    hints = get_type_hints(settings, include_extras=True)
    return {field.name: hints[field.name] for field in fields(settings)}


def about(hint: Any) -> About:
    """What is said of an attribute in its annotation."""
    return next(part for part in get_args(hint) if isinstance(part, About))


def plain(hint: Any) -> Any:
    """The type in an annotation, without limits and without None."""
    while get_origin(hint) in (Annotated, Union, UnionType):
        (hint, *_) = [part for part in get_args(hint) if part is not type(None)]
    return hint


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


def is_choice(hint: Any) -> bool:
    """Whether an annotation lists what a value may be."""
    return get_origin(plain(hint)) is Literal


def is_list(hint: Any) -> bool:
    """Whether values of an annotation have any number of parts, all of one type."""
    kind = plain(hint)
    return get_origin(kind) is list or (get_origin(kind) is tuple and get_args(kind)[-1] is Ellipsis)


def say_limits(hint: Any) -> str:
    """The end of a message about a value that is outside of the limits of its annotation: what it may be."""
    kind = plain(hint)
    if is_choice(kind):
        return f"choose from {', '.join(filter(None, get_args(kind)))}"
    if words := " and ".join(_words(get_args(hint)[1:])):
        return f"it must be {words}"
    if kind in _NUMBERS:
        return f"it must be {_NUMBERS[kind]}"
    description = about(hint).description
    return f"it must fit its description: {description}"


def read_number(name: str, text: str, hint: Any) -> int | float:
    """The number that a text is. Raises BadValue where it is none, or outside of the limits of its annotation."""
    kind = plain(hint)
    try:
        number: int | float = kind(text)
        if not math.isfinite(number):
            raise ValueError
    except (ValueError, OverflowError):
        words = " and ".join(_words(get_args(hint)[1:]))
        raise BadValue(name, text, f"it must be {_NUMBERS[kind]}{f', {words}' if words else ''}") from None
    if not _within(number, hint):
        raise BadValue(name, number, say_limits(hint))
    return number


_NUMBERS: dict[Any, str] = {int: "a whole number", float: "a number"}


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
