"""Faults in the processes under test. Python imports this at its start where this folder is on PYTHONPATH.

The environment variable DREAMSWEEP_TEST_FAULTS names a folder: `faults.json` in it says what goes wrong, and may change
at any time; `log` is written here, a line for each thing that happens, by all processes. What is under test knows
nothing of this.

    {"Conv2D_2/3": {"do": "raise", "error": "ConnectionError", "times": 2}}
    {"Conv2D_2/3": {"do": "hang"}}      in native code, holding the interpreter's lock
    {"Conv2D_2/3": {"do": "wait"}}      until the file says otherwise
    {"disk": {"do": "fill"}}
    {"gallery": {"do": "compute"}}      for minutes in native code, which leaves the interpreter to others

The last is of a phase, of which there are those in `_PHASES`; each is logged as it begins.
"""

import builtins
import errno
import functools
import hashlib
import json
import os
import sys
import time
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

WHERE = os.environ.get("DREAMSWEEP_TEST_FAULTS")


class _Faulty(MetaPathFinder):
    """Finds the modules that have a fault as Python does, and breaks them as soon as they are imported."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path) if name in _BREAK else None
        if spec is not None and spec.loader is not None:
            as_usual = spec.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                as_usual(module)
                _BREAK[name](module)

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def _break_search(module: Any) -> None:
    search_unit = module.search_unit

    def faulty(unit: Any, *arguments: Any, **named: Any) -> Any:
        _log(f"{unit} begins {os.getpid()}")
        _suffer(str(unit))
        return search_unit(unit, *arguments, **named)

    module.search_unit = faulty


def _break_disk(module: Any) -> None:
    temporary = module.LocalFiles._temporary

    def faulty(self: Any, data: bytes) -> Any:
        if "disk" in _faults():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return temporary(self, data)

    module.LocalFiles._temporary = faulty


_PHASES = {
    "exemplars": ("tasks.sweep.image_parts", "find_exemplars"),
    "tracing": ("lib.oips.ascent", "responses_of"),
    "ascent": ("lib.oips.ascent", "Ascent.optimise"),
    "silent search": ("lib.oips.search", "_search_longer"),
    "gathering": ("tasks.sweep.layers", "contact_sheet"),
    "gallery": ("tasks.gallery.gallery", "Catalogue"),
    "dream": ("lib.dream.ascent", "DreamAscent.optimise"),
    "second epoch": ("lib.training.training", "TrainedEpoch"),  # made at the end of the first
}


def _break_phases(module: Any, name: str) -> None:
    for phase, (where, path) in _PHASES.items():
        if where == name:
            owner, _, attribute = path.rpartition(".")
            holder = getattr(module, owner) if owner else module
            setattr(holder, attribute, _with_phase(phase, getattr(holder, attribute)))


def _with_phase(phase: str, function: Any) -> Any:
    @functools.wraps(function)
    def begin(*arguments: Any, **named: Any) -> Any:
        _log(f"{phase} begins {os.getpid()}")
        if _faults().get(phase, {}).get("do") == "compute":
            hashlib.pbkdf2_hmac("sha256", b"fault", phase.encode(), 10**9)
        return function(*arguments, **named)

    return begin


_BREAK: dict[str, Any] = {
    where: functools.partial(_break_phases, name=where) for where in {where for where, _ in _PHASES.values()}
}
_BREAK |= {"tasks.sweep.oips": _break_search, "storage.local_files": _break_disk}


def _suffer(unit: str) -> None:
    waits = False
    while (fault := _faults().get(unit)) is not None:
        if fault["do"] == "wait":
            if not waits:
                _log(f"{unit} waits {os.getpid()}")
            waits = True
            time.sleep(0.05)
        elif fault["do"] == "hang":
            import ctypes

            _log(f"{unit} hangs {os.getpid()}")
            ctypes.PyDLL(None).sleep(600)
        else:
            raised = sum(line.startswith(f"{unit} raises ") for line in _file("log").read_text().splitlines())
            if fault.get("times") is not None and raised >= fault["times"]:
                return
            _log(f"{unit} raises {os.getpid()}")
            raise _error(fault["error"], unit)


def _error(name: str, unit: str) -> Exception:
    if name == "ResourceExhaustedError":
        import tensorflow as tf

        return tf.errors.ResourceExhaustedError(None, None, f"OOM when allocating tensor for {unit}")
    return getattr(builtins, name)(f"fault of {unit}")


def _faults() -> dict[str, Any]:
    return json.loads(_file("faults.json").read_text())


def _log(line: str) -> None:
    with _file("log").open("a") as file:
        file.write(f"{line}\n")


def _file(name: str) -> Path:
    assert WHERE is not None
    return Path(WHERE, name)


if WHERE:
    sys.meta_path.insert(0, _Faulty())
