"""Writes the pages docs/reference/commands.md and docs/reference/settings.md from the code: `make docs-site` does.

They are ignored by git, and written before each build of the site, so they say what the code says.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

if TYPE_CHECKING:
    from pydantic import BaseModel

REFERENCE = Path(__file__).resolve().parent / "reference"
MADE = "<!-- Written by docs/reference.py from the code. Change the code, not this file. -->"


def main() -> None:
    """Write both pages."""
    REFERENCE.mkdir(exist_ok=True)
    (REFERENCE / "commands.md").write_text(commands())
    (REFERENCE / "settings.md").write_text(settings())


def commands() -> str:
    """A page of every command, in the order of `dreamsweep --help`."""
    from typer.main import get_command

    from flows.cli.app import application

    # Options that come from settings are there where their command is called: so all are.
    group: Any = get_command(application(list(get_command(application(())).commands)))  # type: ignore[attr-defined]
    parts = [
        MADE,
        "# Commands",
        f"{as_markdown(group.help)} Every command takes `--help`.",
        *(_command(name, group.commands[name]) for name in group.list_commands(None)),
        "## Exit codes",
        _exit_codes(group.epilog),
    ]
    return "\n\n".join(parts) + "\n"


def settings() -> str:
    """A page of every value of every form, those first that others build on; each shows what it adds to those."""
    from flows.forms import parameters
    from flows.forms.form import Form

    forms = [
        form
        for form in vars(parameters).values()
        if isinstance(form, type) and issubclass(form, Form) and form is not Form
    ]
    parts = [
        MADE,
        "# Settings",
        "These values decide how networks are trained, and how feature visualisations (OIPs), dreams and analyses are "
        "made. Every flow is called with one form: Prefect's UI shows it, the command line makes its options of it, "
        "and a deployment takes each value as a parameter, those of a group as one, for example "
        '`{"layers": ["Conv2D_2"], "growth": {"starts": 32}}`. A form holds the values of its own section, and of '
        "those that it builds on. "
        "`store` and `data_dir` are in no form of the UI: the `dreamsweep up` that runs the flow has them.",
        *(_form(form, forms) for form in forms),
    ]
    return "\n\n".join(parts) + "\n"


def as_markdown(text: str) -> str:
    """Plain text of the code, so that Markdown shows it as it is."""
    from flows.forms.places import DATA_FOLDER

    plain = re.sub(r"\\(?=\[)", "", text).replace(str(DATA_FOLDER), "data")  # Rich needs a backslash before a bracket
    return re.sub(r"([\\`*_\[\]<>|#~])", r"\\\1", " ".join(plain.split()))


def _command(name: str, command: Any, heading: str = "##") -> str:
    """The part of a command, and behind it those of the commands that it has."""
    parameters = [one for one in command.params if one.name != "help" and not getattr(one, "hidden", False)]
    arguments = [one for one in parameters if one.param_type_name == "argument"]
    options = [one for one in parameters if one.param_type_name == "option"]
    usage = " ".join(["dreamsweep", name, *(_argument(one) for one in arguments), *(["[OPTIONS]"] if options else [])])
    paragraphs = [as_markdown(part) for part in (command.help or "").split("\n\n")]
    listed = [_entry(f"`{_argument(one)}`", one) for one in arguments]
    listed += [_entry(f"`{_option(one)}`", one) for one in options]
    inner = getattr(command, "commands", {})
    if inner:
        usage += " [COMMAND]"
    within = [_command(f"{name} {one}", inner[one], f"{heading}#") for one in inner]
    return "\n\n".join([f"{heading} {name}", *paragraphs, f"```text\n{usage}\n```", *listed, *within])


def _argument(one: Any) -> str:
    name = one.metavar or one.name.upper()
    return name if one.required else f"[{name}]"


def _option(one: Any) -> str:
    names = ", ".join([*one.opts, *one.secondary_opts])
    return f"{names} {one.metavar}" if one.metavar else names


def _entry(term: str, one: Any) -> str:
    said = as_markdown(one.help or "")
    shown = isinstance(one.default, int | float | str) and not isinstance(one.default, bool)
    if shown and "Default:" not in said:
        said += f" Default: `{one.default}`."
    if one.envvar:
        said += f" Environment variable: `{one.envvar}`."
    return f"{term}\n:   {said}"


def _exit_codes(epilog: str) -> str:
    lines = (line.strip().partition("  ") for line in epilog.splitlines()[1:])
    return "\n\n".join(f"`{code}`\n:   {as_markdown(text)}" for code, _, text in lines)


def _form(form: type[BaseModel], forms: list[type[BaseModel]]) -> str:
    bases = [base for base in form.__bases__ if base in forms]
    parts = [f"## {_heading(form)}", as_markdown(form.__doc__ or "")]
    if bases:
        parts.append(f"It builds on {', '.join(f'[{_heading(base)}](#{_anchor(base)})' for base in bases)}.")
    return "\n\n".join([*parts, *_entries(form, forms)])


def _heading(form: type[BaseModel]) -> str:
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", form.__name__).split()
    return " ".join([words[0], *(word.lower() for word in words[1:])])


def _anchor(form: type[BaseModel]) -> str:
    return _heading(form).lower().replace(" ", "-")


def _entries(form: type[BaseModel], forms: list[type[BaseModel]]) -> Iterator[str]:
    from flows.forms.entries import entries_of, title_of
    from lib.settings import about, is_choice, plain, say_limits

    for entry in entries_of(form):
        if entry.path[0] not in form.__annotations__:
            continue  # said by the form that this one builds on
        said = as_markdown(about(entry.hint).description)
        kind = plain(entry.hint)
        facts = []
        if kind in forms:
            facts.append(f"Its values are those of [{_heading(kind)}](#{_anchor(kind)}).")
        elif dataclasses.is_dataclass(kind):
            facts.append("Its values are those of [Training](#training) below `settings`.")
        elif is_choice(entry.hint):
            facts.append(f"One of {', '.join(f'`{choice}`' for choice in get_args(kind))}.")
        elif (limits := say_limits(entry.hint)).startswith("it must be "):
            facts.append(f"{limits.removeprefix('it must be ').capitalize()}.")
        if (default := _default(entry.default)) is not None:
            facts.append(f"Default: `{default}`.")
        title = as_markdown(title_of(form, entry.path))
        yield f"`{'.'.join(entry.path)}` ({title})\n:   {' '.join([said, *facts])}"


def _default(value: object) -> str | None:
    """What is shown of a default; none of what is empty, is a form, or depends on the machine."""
    from flows.forms.places import DATA_FOLDER

    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return " ".join(",".join(f"{number:g}" for number in mixture) for mixture in value)
    if isinstance(value, int | float):
        return f"{value:g}"
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, str | Path) and str(value):
        return str(value).replace(str(DATA_FOLDER), "data")
    return None


if __name__ == "__main__":
    main()
