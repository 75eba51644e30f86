"""Options that several commands have, and options that stand for the settings of a dataclass.

Defaults and explanations of settings have one place, their dataclass: here they are read from it.
"""

import dataclasses
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from rich.markup import escape

from lib.limits import abouts

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
        help="Where the IDX files (gzipped or not) or the .npz file of mnist and fashion-mnist are.",
    ),
]
AsJson = Annotated[
    bool, typer.Option("--json", metavar="", help="Print one JSON object on standard output, and nothing else.")
]
What = Annotated[
    str,
    typer.Argument(
        metavar="WHAT",
        help="A ref (model/latest), a run, a unit (Conv2D_2/17), a digest's beginning, or a file: an exported one, or "
        "a dream that was mailed.",
        show_default=False,
    ),
]
OfRun = Annotated[
    str | None,
    typer.Option("--run", metavar="RUN", help="The run whose unit is meant. Default: the latest that has it."),
]

Settings = TypeVar("Settings")
Parameters = TypeVar("Parameters", bound="BaseModel")


def setting(settings: type, name: str, *, metavar: str, recipes: Mapping[str, Any] | None = None) -> Any:
    """An option for one attribute of a dataclass of settings: explained as there, with its default.

    `recipes` are other settings, by name, whose values are told where they differ from the default.
    """
    default = next(field.default for field in dataclasses.fields(settings) if field.name == name)
    said = [_defaults(abouts(settings)[name].description)]
    if default not in (None, "") and not isinstance(default, bool):
        others = [
            f"{recipe}: {_shown(value)}"
            for recipe, other in (recipes or {}).items()
            if (value := getattr(other, name)) != default
        ]
        said.append(f"Default: {'; '.join([_shown(default), *others])}.")
    return typer.Option(f"--{name.replace('_', '-')}", metavar=metavar, help=escape(" ".join(said)), show_default=False)


def field(form: "type[BaseModel]", name: str, *, metavar: str) -> Any:
    """An option for one field of a flow's parameters: explained as in the form of Prefect's UI, with its default.

    The option itself is None where it is not given, so that the default has one place.
    """
    about = form.model_fields[name]
    said = _defaults(about.description or "")
    default = about.get_default(call_default_factory=True, validated_data={})
    if default is not None and not isinstance(default, bool):
        said += f" Default: {_shown(default)}."
    option = f"--{name.replace('_', '-')}"
    return typer.Option(option, metavar=metavar, help=escape(said), show_default=False)


def validate(form: "type[Parameters]", given: Mapping[str, Any]) -> "Parameters":
    """A flow's parameters with these values. Raises BadInput for one that is refused."""
    from pydantic import ValidationError

    from lib.errors import BadInput

    try:
        return form.model_validate(given)
    except ValidationError as problem:
        first = problem.errors()[0]
        name = ".".join(map(str, first["loc"]))
        raise BadInput(f"{name} is {first['input']!r}: {first['msg'].removeprefix('Value error, ')}") from problem


def drop_none(given: Mapping[str, Any]) -> dict[str, Any]:
    """Those values that were given on the command line: that are not None."""
    return {name: value for name, value in given.items() if value is not None}


def change(settings: Settings, given: dict[str, Any]) -> Settings:
    """The settings with those values that were given (are not None). Raises BadInput as the settings do."""
    return dataclasses.replace(settings, **drop_none(given))  # type: ignore[type-var]


def parse_option(parse: Callable[[str], Any], text: str, option: str, wanted: str) -> Any:
    """What `parse` makes of an option's text. Raises BadInput, saying what is wanted, where that raises ValueError."""
    from lib.errors import BadInput

    try:
        return parse(text)
    except ValueError:
        raise BadInput(f"{option} is {text!r}; it wants {wanted}") from None


def _defaults(description: str) -> str:
    """On the command line nothing is left empty: what that means in a form is the default."""
    return re.sub(r"\b(Empty|None): ", "Default: ", description)


def _shown(default: Any) -> str:
    if isinstance(default, tuple):
        return " ".join(",".join(f"{number:g}" for number in mixture) for mixture in default)
    return f"{default:g}" if isinstance(default, float) else str(default)
