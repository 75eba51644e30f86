"""Hostile values of options and of fields of forms, as the command line and Prefect hand them on.

An input is a file of JSON: `arguments` of the command line, or the values `given` for a `form`.
"""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

from tests.corpus.harness import Make


def warm() -> None:
    """Import what the forms need, and refuse something."""
    from lib.errors import BadInput

    for form in ("TrainParameters", "SweepParameters", "DreamParameters", "AnalyseParameters", "RegisterParameters"):
        with contextlib.suppress(BadInput):
            _fill(form, {"nonsense": 1})
    with contextlib.suppress(BadInput):
        _call(["sweep", "--steps", "none"])


def door(path: Path) -> None:
    """Fill in the form, or run the command; raises BadInput with what a user is told."""
    said = json.loads(path.read_text())
    if "form" in said:
        _fill(said["form"], said["given"])
    else:
        _call([one.replace("HERE", str(path.parent)) for one in said["arguments"]])


def _fill(form: str, given: Any) -> None:
    from flows.forms import parameters
    from flows.forms.refusals import fill_in

    fill_in(getattr(parameters, form), given)


def _call(arguments: list[str]) -> None:
    from flows.cli import main
    from lib.errors import BadInput

    stream = io.StringIO()
    with contextlib.redirect_stderr(stream), contextlib.redirect_stdout(io.StringIO()):
        code = main(arguments)
    said = stream.getvalue().removesuffix("\n")
    if code == 2:
        raise BadInput(said) if "\n" not in said else RuntimeError(said)
    if code != 0:
        raise RuntimeError(f"exit code {code}: {said}")


def _form(form: str, **given: Any) -> Make:
    return lambda path: path.write_text(json.dumps({"form": f"{form}Parameters", "given": given}))


def _arguments(*arguments: str) -> Make:
    return lambda path: path.write_text(json.dumps({"arguments": arguments}))


def _with_pipe(*arguments: str) -> Make:
    def make(path: Path) -> None:
        import os

        os.mkfifo(path.parent / "pipe")
        _arguments(*arguments)(path)

    return make


def _nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


SWEEP = ("sweep", "--store", "HERE/store", "--model", "none")
NO_MODEL = "has the name .*: give a ref"
"""What is looked for in the store once the options are as they may be."""
NAN, INFINITE = float("nan"), float("inf")

CASES: dict[str, tuple[Make, str]] = {
    # the command line
    "steps not a number": (_arguments(*SWEEP, "--steps", "nan"), "--steps is 'nan'; "),
    "steps infinite": (_arguments(*SWEEP, "--steps", "inf"), "--steps is 'inf'; "),
    "steps of 400 digits": (_arguments(*SWEEP, "--steps", "1" + "0" * 400), "--steps is "),
    "steps of 5,000 digits": (_arguments(*SWEEP, "--steps", "1" * 5_000), "--steps is "),
    "steps of a million digits": (_arguments(*SWEEP, "--steps", "1" * 100_000), "--steps is "),
    "steps below zero": (_arguments(*SWEEP, "--steps=-5"), "--steps is "),
    "steps in other digits": (_arguments(*SWEEP, "--steps", "١٢"), NO_MODEL),
    "step size not a number": (_arguments(*SWEEP, "--step-size", "nan"), "--step-size is "),
    "step size too large": (_arguments(*SWEEP, "--step-size", "1e400"), "--step-size is "),
    "seed of 30 digits": (
        _arguments(*SWEEP, "--seed", "9" * 30),
        "--seed is 9+; it must be a number of fewer than 19 digits",
    ),
    "seed below zero": (_arguments(*SWEEP, "--seed=-1"), "--seed is "),
    "budget infinite": (_arguments(*SWEEP, "--budget", "inf"), "--budget is "),
    "budget not a number": (_arguments(*SWEEP, "--budget", "nan"), "--budget is "),
    "batch of 20 digits": (
        _arguments(*SWEEP, "--batch", "9" * 20),
        "--batch is 9+; it must be a number of fewer than 19 digits",
    ),
    "clock of nonsense": (_arguments(*SWEEP, "--finish-by", "99:99"), "--finish-by is "),
    "zone that climbs": (_arguments(*SWEEP, "--timezone", "../../etc/passwd"), "--timezone is "),
    "size of a world": (_arguments(*SWEEP, "--size", "1000000000x1000000000"), "--size is "),
    "size of nothing": (_arguments(*SWEEP, "--size", "0x0"), "--size is "),
    "scales without end": (_arguments(*SWEEP, "--length-scales", ",".join(["3"] * 50_000)), NO_MODEL),
    "scales not numbers": (_arguments(*SWEEP, "--length-scales", "1,nan,3"), "--length-scales is "),
    "steering name": (_arguments("sweep", "--store", "HERE/store", "--model", "\x1b[31mred\x07"), NO_MODEL),
    "name of bytes": (_arguments("sweep", "--store", "HERE/store", "--model", "\udcff\udcfe"), NO_MODEL),
    "name of a million letters": (
        _arguments("sweep", "--store", "HERE/store", "--model", "a" * 100_000),
        "File name too long",
    ),
    "model that is a device": (_arguments("sweep", "--store", "HERE/store", "--model", "/dev/zero"), NO_MODEL),
    "model that is a pipe": (_with_pipe("sweep", "--store", "HERE/store", "--model", "HERE/pipe"), NO_MODEL),
    "file that is a device": (
        _arguments("models", "add", "/dev/zero", "--store", "HERE/store"),
        "is a device, and no file",
    ),
    "file that is a pipe": (
        _with_pipe("models", "add", "HERE/pipe", "--store", "HERE/store"),
        "is a named pipe, and no file",
    ),
    "file that is a folder": (_arguments("models", "add", "/", "--store", "HERE/store"), "is a folder"),
    "file of a null": (_arguments("models", "add", "a\0.keras", "--store", "HERE/store"), "embedded null byte"),
    "pictures that are a device": (_arguments("dream", "/dev/zero", "--store", "HERE/store"), "has no model yet"),
    "option that steers": (_arguments("sweep", "--\x1b[2J"), "No such option"),
    "command that steers": (_arguments("\x1b[2J"), "No such command"),
    # what Prefect hands on
    "form not a number": (_form("Sweep", growth={"steps": NAN}), " is "),
    "form infinite": (_form("Sweep", growth={"step_size": INFINITE}), " is "),
    "form of 400 digits": (_form("Sweep", growth={"steps": 10**400}), "fewer than 19 digits"),
    "form below zero": (_form("Train", settings={"epochs": -1}), " is "),
    "form list for number": (_form("Train", settings={"epochs": [1] * 100_000}), " is "),
    "form deep": (_form("Sweep", layers=_nested(400)), " is "),
    "form text for list": (_form("Sweep", layers="a" * 1_000_000), "Layers is "),
    "form of many layers": (_form("Sweep", layers=[7] * 100_000), " is "),
    "form of an object": (_form("Sweep", model={"a": "b"}), " is "),
    "form true for number": (_form("Dream", settings={"steps": "true"}), " is "),
    "form unknown field": (_form("Sweep", **{"\x1b[31mfield\n": 1}), "there is no field"),
    "form of nulls": (_form("Dream", pictures=["a\0b"], out="\0"), "holds? no null character|hold no null"),
    "form budget of 400 digits": (_form("Sweep", budget=10**400), "fewer than 19 digits"),
    "form rotation not a number": (_form("Dream", pictures=["a"], rotation=NAN), " is "),
    "form zoom infinite": (_form("Dream", pictures=["a"], zoom=INFINITE), " is "),
    "form strength below zero": (_form("Dream", pictures=["a"], settings={"strength": -INFINITE}), " is "),
    "form half a letter": (_form("Register", file="\ud800.keras", name="\udfff"), " is "),
    "form pair of huge": (_form("Analyse", settings={"pair": [10**30, -1]}), "fewer than 19 digits"),
    "form zone that climbs": (_form("Sweep", timezone="../../etc/passwd"), " is "),
}
