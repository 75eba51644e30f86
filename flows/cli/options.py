"""Options that several commands have, and options that stand for the entries of a form.

What an entry is, what it may be and its default are said once, in the form and its settings: here they are read.
"""

import functools
import inspect
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, get_args

import typer
from annotated_types import Ge, Le
from rich.markup import escape

from flows.forms.entries import Entry, Hint, entries_of
from lib.errors import BadValue
from lib.settings import about, is_choice, is_list, plain, read_number, say_limits

if TYPE_CHECKING:
    from pydantic import BaseModel

StorePlace = Annotated[
    str | None,
    typer.Option(
        "--store",
        envvar="DREAMSWEEP_STORE",
        metavar="PLACE",
        help="Where the store is: a folder, or a URL as s3://bucket/store. Default: data/store in the checkout.",
    ),
]
DataFolder = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        envvar="DREAMSWEEP_MNIST",
        metavar="DIR",
        help="The folder of the IDX files (gzipped or not) or of the .npz file of mnist and fashion-mnist.",
    ),
]
AsJson = Annotated[
    bool, typer.Option("--json", metavar="", help="Print one JSON object on standard output, and nothing else.")
]
Pool = Annotated[
    str | None,
    typer.Option("--pool", metavar="NAME", help="The work pool, by its name on Prefect's server.", show_default=False),
]
What = Annotated[
    str,
    typer.Argument(
        metavar="WHAT",
        help="A ref (model/latest), a run, a unit (Conv2D_2/17), the beginning of a digest, or a file: an exported "
        "one, or a dream that you were sent.",
        show_default=False,
    ),
]
OfRun = Annotated[
    str | None,
    typer.Option("--run", metavar="RUN", help="The run to look for the unit in. Default: the latest run that has it."),
]

PORT = "PORT [1<=x<=65535]"
"""How the number of a port looks in the help."""
Port = Annotated[int, Ge(1), Le(65535)]

Given = dict[str, Any]
"""What was given on the command line for a form, by its fields: texts, numbers, and dicts for settings."""
Parameters = TypeVar("Parameters", bound="BaseModel")

_METAVARS = {
    "model": "MODEL",
    "judge": "MODEL",
    "data": "NAME",
    "name": "NAME",
    "checkpoints": "EPOCHS",
    "layers": "PATTERN",
    "patterns": "PATTERN",
    "tour": "PATTERN",
    "pool": "NAME",
    "length_scales": "1,3,7",
    "size": "HxW",
    "finish_by": "HH:MM",
    "timezone": "NAME",
    "budget": "MINUTES",
    "stalled_after": "MINUTES",
    "guide": "FILE",
    "mask": "PATH",
    "rotation": "DEGREES",
    "animation": "KIND",
    "pixels": "PIXELS",
    "hold": "NAME=WHAT",
    "output": "NAME",
    "pair": "A,B",
    "first": "IMAGE",
    "second": "IMAGE",
    "tensors": "SET",
    "colour_map": "NAME",
}
"""How the values of options look, where their type does not say it."""
_OF_TYPES: dict[Hint, str] = {int: "N", float: "X", bool: "", Path: "DIR", str: "TEXT"}


def option_of(name: str) -> str:
    """The option that stands for an entry of this name."""
    return f"--{name.replace('_', '-')}"


def from_form(
    form: "type[BaseModel]",
    *,
    first: Sequence[str] = (),
    without: Collection[str] = (),
    metavars: Mapping[str, str] = MappingProxyType({}),
    recipes: Mapping[str, object] = MappingProxyType({}),
    hidden: bool = False,
) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Make of a function a command with an option for every entry of a form, beside the function's own parameters.

    The function is called with what was given for the form's fields, settings as a dict, and with its own parameters.
    One of its own that has the name of a field stands for that field, and is among what was given too.

    Args:
        first: the names of those that stand first in the help. The others follow as in the form, then the function's.
        without: names of entries that get no option.
        metavars: how values look, by name, where this command differs from others.
        recipes: settings, by name, whose values are told where they differ from the defaults.
        hidden: whether the help leaves these options out, because it says where they are listed.
    """

    def decorate(function: Callable[..., int]) -> Callable[..., int]:
        signature = inspect.signature(function)
        own = list(signature.parameters.values())[1:]
        names = {one.name for one in own}
        entries = {entry.name: entry for entry in entries_of(form) if entry.name not in without}
        looks = {**_METAVARS, **metavars}
        made = [_option(entry, looks, recipes, hidden) for name, entry in entries.items() if name not in names]
        every = {one.name: one for one in (*made, *own)}
        order = [*first, *(name for name in every if name not in first)]

        @functools.wraps(function)
        def run(**called: Any) -> int:
            given: Given = {}
            for name, entry in entries.items():
                value = _read(entry, called[name])
                if value is not None and value is not False and value != []:
                    within = given
                    for outer in entry.path[:-1]:
                        within = within.setdefault(outer, {})
                    within[name] = value
            return function(given, **{name: called[name] for name in names})

        # typer reads it: the names and types of the options
        run.__dict__["__signature__"] = signature.replace(
            parameters=[every[name].replace(kind=inspect.Parameter.KEYWORD_ONLY) for name in order]
        )
        return run

    return decorate


def fill_in(form: "type[Parameters]", given: Given) -> "Parameters":
    """A form with these values. Raises BadInput for one that is refused, by its option."""
    from flows.forms import refusals

    return refusals.fill_in(form, given, lambda path: option_of(path[-1]))


def number_option(name: str, hint: Hint, *, metavar: str, help: str) -> Any:
    """An option for a number within the limits of an annotation. Reading it raises BadValue."""
    return typer.Option(name, metavar=metavar, help=help, parser=partial(read_number, name, hint=hint))


def _option(
    entry: Entry, metavars: Mapping[str, str], recipes: Mapping[str, object], hidden: bool
) -> inspect.Parameter:
    """The option for an entry, explained as in the form; None where it is not given, as the default has one place."""
    name, kind = option_of(entry.name), entry.kind
    look = "NAME" if is_choice(kind) else _OF_TYPES.get(kind, "TEXT")
    made = typer.Option(
        name,
        metavar=metavars.get(entry.name, look),
        help=escape(_explained(entry, recipes)),
        show_default=False,
        hidden=hidden,
        parser=partial(read_number, name, hint=entry.hint) if kind in (int, float) else None,
    )
    typed: Hint = kind if kind in (int, float, bool, Path) else list[str] if is_list(kind) else str
    return inspect.Parameter(
        entry.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[typed | None, made]
    )


def _explained(entry: Entry, recipes: Mapping[str, object]) -> str:
    """On the command line nothing is left empty: what that means in a form is the default."""
    said = re.sub(r"\b(Empty|None): ", "Default: ", about(entry.hint).description)
    if entry.default in (None, "") or isinstance(entry.default, bool):
        return said
    others = {recipe: getattr(settings, entry.name) for recipe, settings in recipes.items() if entry.path[1:]}
    defaults = [f"{recipe}: {_shown(value)}" for recipe, value in others.items() if value != entry.default]
    return f"{said} Default: {'; '.join([_shown(entry.default), *defaults])}."


def _read(entry: Entry, value: Any) -> Any:
    """What the form takes for the value of an option: of mixtures, as 1,3,7, the numbers."""
    if value is None or not (is_list(entry.kind) and is_list(inner := plain(get_args(entry.kind)[0]))):
        return value
    try:
        return [list(map(plain(get_args(inner)[0]), text.split(","))) for text in value]
    except ValueError:
        raise BadValue(option_of(entry.name), ", ".join(value), say_limits(entry.hint)) from None


def _shown(default: Any) -> str:
    if isinstance(default, tuple):
        return " ".join(",".join(f"{number:g}" for number in mixture) for mixture in default)
    return f"{default:g}" if isinstance(default, float) else str(default)
