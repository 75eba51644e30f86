"""Hostile inputs through their door, many in one process, each with what it was answered, took and held.

    python -m tests.corpus.harness            # all of them, with the slowest and the largest
    python -m tests.corpus.harness models     # of one kind

A kind is a module beside this one with `CASES`, from the name of a file to what makes it and the words that must be in
the answer (a regular expression; "" where the input is used after all, as nothing in it does harm), with `door`, which
opens it, and with `warm`, which imports what that needs. Files are made here; they are opened in a child process.
"""

from __future__ import annotations

import faulthandler
import importlib
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType

Make = Callable[[Path], object]
"""Makes the file at a path."""

KINDS = tuple(
    name for name in ("models", "data", "pictures", "parameters") if (Path(__file__).parent / f"{name}.py").exists()
)
MOST_MEMORY = 500 << 20
"""Bytes that a refused input may take beyond the imports, at the most."""
LONGEST = 2_100
"""Letters of an answer."""
BACKSTOP = 60
"""Seconds of the processor after which an input is taken to have no end."""
_HANGS = 240  # seconds of the clock, for what waits


@dataclass(frozen=True)
class Answer:
    """What came of one input."""

    name: str
    said: str | None
    """The message; None where the input was used."""
    error: str
    """The class of what was raised; "" for nothing."""
    memory: int
    """Bytes that the process held at the most, beyond what it held after the imports."""
    seconds: float
    """Of the processor."""


def answers(kind: str, folder: Path) -> Iterator[Answer]:
    """What comes of every input of a kind; files are made in the folder.

    Raises RuntimeError where the process ended or hung within an input, and names that.
    """
    cases = importlib.import_module(f"tests.corpus.{kind}").CASES
    paths = {}
    for number, (name, (make, _)) in enumerate(cases.items()):
        place = folder / str(number)
        place.mkdir()
        make(place / name)
        paths[name] = str(place / name)
    command = [sys.executable, "-m", "tests.corpus.harness", "--open", kind]
    child = subprocess.run(
        command, input=json.dumps(paths), text=True, capture_output=True, cwd=Path(__file__).parents[2], check=False
    )
    lines = [line.removeprefix("ANSWER ") for line in child.stdout.splitlines() if line.startswith("ANSWER ")]
    yield from (Answer(**json.loads(line)) for line in lines)
    if len(lines) < len(paths):
        where = list(paths)[len(lines)]
        raise RuntimeError(f"the process ended ({child.returncode}) within {where!r}: {child.stderr[-3000:]}")


def faults(kind: str, found: Answer) -> list[str]:
    """What is wrong with an answer."""
    wanted = importlib.import_module(f"tests.corpus.{kind}").CASES[found.name][1]
    wrong = []
    if found.error not in ("", "BadInput", "BadValue", "IsFolder", "NoFile", "Question"):
        wrong.append(f"raises {found.error}: {found.said}")
    elif found.said is None and not re.search(wanted, ""):
        wrong.append(f"is used, and should have said {wanted!r}")
    elif found.said is not None and (wanted == "" or not re.search(wanted, found.said)):
        wrong.append(f"says {found.said!r}, and should have said {wanted!r}")
    if found.said is not None and not found.said.isprintable():
        wrong.append(f"says what is no line: {found.said!r}")
    if found.said is not None and len(found.said) > LONGEST:
        wrong.append(f"says {len(found.said)} letters")
    if found.memory > MOST_MEMORY:
        wrong.append(f"holds {found.memory >> 20} MB")
    return [f"{found.name} {one}" for one in wrong]


def _open(kind: str) -> None:
    """In the child: every input through the door, each with an answer on a line of its own."""
    module = importlib.import_module(f"tests.corpus.{kind}")
    module.warm()
    base = _held("VmRSS")
    for name, path in json.load(sys.stdin).items():
        _forget_peak()
        before = time.process_time()
        resource.setrlimit(resource.RLIMIT_CPU, (int(before) + BACKSTOP, resource.RLIM_INFINITY))
        faulthandler.dump_traceback_later(_HANGS, exit=True)
        said, error = _answer(module, Path(path))
        faulthandler.cancel_dump_traceback_later()
        answer = Answer(name, said, error, _held("VmHWM") - base, time.process_time() - before)
        print("ANSWER " + json.dumps(asdict(answer)), flush=True)


def _answer(module: ModuleType, path: Path) -> tuple[str | None, str]:
    try:
        module.door(path)
    except BaseException as problem:
        return str(problem).replace(str(path.parent), "..."), type(problem).__name__
    return None, ""


def _held(what: str) -> int:
    """Bytes of this process: VmRSS now, VmHWM at the most since that was forgotten."""
    found = re.search(rf"^{what}:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.M)
    assert found is not None
    return int(found[1]) << 10


def _forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def _report(kinds: list[str]) -> int:
    wrong = []
    for kind in kinds:
        with tempfile.TemporaryDirectory() as folder:
            found = list(answers(kind, Path(folder)))
        wrong += [fault for one in found for fault in faults(kind, one)]
        refused = [one for one in found if one.said is not None]
        print(f"\n{kind}: {len(found)} inputs, {len(refused)} refused, {len(found) - len(refused)} used")
        slowest, largest = max(found, key=lambda one: one.seconds), max(found, key=lambda one: one.memory)
        print(f"  slowest: {slowest.name}, {slowest.seconds:.2f} s of the processor")
        print(f"  largest: {largest.name}, {largest.memory / 2**20:.0f} MB beyond the imports")
        for one in sorted(found, key=lambda one: -one.seconds):
            print(f"  {one.seconds:6.2f} s {one.memory >> 20:5d} MB  {one.name}: {one.said or 'is used'}")
    print("\n".join(["", *wrong, f"{len(wrong)} are not as they should be"]))
    return bool(wrong)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--open"]:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        _open(sys.argv[2])
    else:
        sys.exit(_report(sys.argv[1:] or list(KINDS)))
