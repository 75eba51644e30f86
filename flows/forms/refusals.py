"""What is said of a value that a form refuses: one line of ours that names it, shows it, and says what is wanted."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from flows.forms.entries import Hint, find_entry, title_of
from lib.errors import BadInput, BadValue
from lib.settings import say_limits

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

Parameters = TypeVar("Parameters", bound=BaseModel)
Call = Callable[[Sequence[str]], str]
"""What an entry of this path is called."""


BY_FILL_IN = "by fill_in"
"""The context of a validation whose refusals `fill_in` says, with the names that its caller gives to values."""


def fill_in(form: type[Parameters], given: Mapping[str, Any], call: Call | None = None) -> Parameters:
    """A form with these values. Raises BadInput for one that is refused; by default it is called by its titles."""
    with refuse_in_our_words(form, call):
        return form.model_validate(given, context=BY_FILL_IN)


@contextmanager
def refuse_in_our_words(form: type[BaseModel], call: Call | None = None) -> Iterator[None]:
    """While inside, what a form refuses is said in a BadInput, where pydantic would say it in a text of its own."""
    called = call or (lambda path: title_of(form, path))
    try:
        yield
    except BadValue as problem:  # settings tell what is wrong with two of their values together
        raise BadValue(called(_path(form, problem.name)), problem.value, problem.wanted) from problem
    except ValidationError as problem:
        raise _refusal(form, problem.errors(include_url=False)[0], called) from problem


def _path(form: type[BaseModel], name: str) -> tuple[str, ...]:
    """The path of what settings call by its name alone."""
    places = [(name,), *((outer, name) for outer in form.model_fields)]
    return next((path for path in (find_entry(form, place)[0] for place in places) if path[-1:] == (name,)), (name,))


def _refusal(form: type[BaseModel], error: "ErrorDetails", called: Call) -> BadInput:
    path, hint = find_entry(form, error["loc"])
    kind, value = error["type"], error["input"]
    said = str(error.get("ctx", {}).get("error", error["msg"]))
    if kind in ("extra_forbidden", "unexpected_keyword_argument"):
        return BadInput(f"there is no field {error['loc'][-1]!r}: leave it out")
    if not path or isinstance(value, BaseModel):
        return BadInput(said)  # a whole sentence, about several values
    return BadValue(called(path), value, said if kind == "value_error" else _wanted(kind, hint))


def _wanted(kind: str, hint: Hint) -> str:
    match kind:
        case "missing":
            return "it must be given"
        case "too_short" | "string_too_short":
            return "it must not be empty"
        case _:
            return say_limits(hint)
