"""What is said of a wrong value, for every option of every command: one line of ours that begins with the option."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import typer
from annotated_types import Ge, Gt, Le, Lt

from flows.cli.app import application
from flows.forms.entries import entries_of
from flows.forms.parameters import AnalyseParameters, DreamParameters, SweepParameters, TrainParameters
from lib.settings import is_choice, plain
from storage.store import Store

CLI = Callable[..., tuple[int, str, str]]

FORMS = {
    "sweep": SweepParameters,
    "dream": DreamParameters,
    "analyse": AnalyseParameters,
    "train": TrainParameters,
    "rerun": SweepParameters,
}
TEXTS = {
    "--recipe": ["grandma", ""],
    "--finish-by": ["25:00", "6:30", "now"],
    "--timezone": ["Berlin", "/etc/passwd"],
    "--checkpoints": ["some", "0", "1,,2"],
    "--size": ["28", "28x", "0x28", "axb"],
    "--length-scales": ["1;3", "", "0", "1,-2", "nan"],
    "--layers": [""],
    "--patterns": [""],
    "--pixels": ["0..2", "rgb", "0.5", "0.5/0", "0.5,0.5/1,1,1", "nan/1", "x/1"],
    "--hold": ["age", "=3", "age="],
    "--pair": ["4", "4,4", "4,9,1"],
    "--first": ["rose.png", "", "test/-1"],
    "--second": ["rose.png", "", "test/x"],
    "--port": ["x", "", "0", "65536", "1.5"],
    "--pictures-port": ["x", "", "0", "65536"],
    "--public-url": ["", "host", "ftp://host", "https://me:x@host", "https://host/?a=1", "https://host/api"],
    "--at-once": ["x", "", "0"],
    "--keep-nights": ["x", "", "0", "1.5"],
    "--grace": ["soon", "", "-1h"],
    "--cron": ["x", "0 1 * *"],
    "--on": ["some", ""],
    "--next": ["x", "", "0", "101"],
    "--pool": ["a/b", "a%b", "prefect-x"],
    "--type": ["x", ""],
    "--limit": ["x", "", "0", "1.5"],
}
"""Options for texts that have a form, and for numbers of commands without a form."""
NAMES = {
    "--model", "--data", "--store", "--data-dir", "--out", "--objective", "--tour", "--guide", "--mask", "--from",
    "--colour-map", "--run", "--judge", "--compare", "--host", "--allow", "--add", "--output", "--name", "--file",
    "--image",
}  # fmt: skip
"""Options for names of things that are there or not: what is said of those is tested where they are looked for."""
NOT_OURS = re.compile(r"Input should|[Vv]alue error|pydantic|validation|--help says|[\^$\\]|\d\{|Traceback|[a-z]_[a-z]")


def commands() -> dict[str, Any]:
    return dict(typer.main.get_command(application(list(FORMS))).commands)  # type: ignore[attr-defined]


def wrong_values() -> Iterator[tuple[str, str, list[str]]]:
    """A command, an option of it, and values that this cannot have."""
    for command, made in commands().items():
        known = {entry.name: entry for entry in entries_of(FORMS[command])} if command in FORMS else {}
        for one in made.params:
            (option, *_) = one.opts
            if one.param_type_name != "option" or one.is_flag:
                continue
            entry = known.get(one.name)
            if option in TEXTS:
                values = TEXTS[option]
            elif entry is not None and is_choice(entry.hint):
                empty = entry.path[1:] and entry.default != ""  # an empty field of a form is none
                values = ["no such one", "1", *([""] if empty else [])]
            elif entry is not None and entry.kind in (int, float):
                values = ["many", "", "nan", "1e999", *(["1.5"] if entry.kind is int else []), *beyond(entry.hint)]
            else:
                assert option in NAMES, f"{option} of {command} is tried with no wrong value"
                continue
            yield command, option, values


def beyond(hint: Any) -> Iterator[str]:
    """Numbers just outside of the limits of an annotation."""
    for limit in get_args(hint)[1:]:
        match limit:
            case Ge(ge=least):
                yield str(plain(hint)(least) - 1)
            case Le(le=most):
                yield str(plain(hint)(most) + 1)
            case Gt(gt=bound) | Lt(lt=bound):
                yield str(bound)


@pytest.mark.parametrize(("command", "option", "values"), wrong_values())
def test_a_wrong_value_is_refused_in_one_line_that_begins_with_its_option(
    cli: CLI, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, option: str, values: list[str]
) -> None:
    monkeypatch.setenv("DREAMSWEEP_STORE", str(Store.open(tmp_path / "store").root))
    besides = ["picture.png"] if command == "dream" else ["--serve"] if command == "gallery" else []
    for value in values:
        code, out, err = cli(command, *besides, f"{option}={value}")
        assert (code, out) == (2, "")
        assert err.startswith(f"dreamsweep: {option} is ")
        assert err.count("\n") == 1
        assert err.count(option) == 1  # no sentence within a sentence
        assert not NOT_OURS.search(err.replace(value, "") if value else err), err


def test_every_number_and_choice_of_a_form_is_an_option_that_says_its_default_once(cli: CLI, tmp_path: Path) -> None:
    for command, form in FORMS.items():
        options = {one.name: one for one in commands()[command].params}
        for entry in entries_of(form) if command != "rerun" else ():
            if (command, entry.name) in {("train", "stalled_after")}:
                continue
            assert entry.name in options, (command, entry.name)
            help = getattr(options[entry.name], "help", None) or ""
            assert help.lower().count("default:") <= 1, (command, entry.name)
