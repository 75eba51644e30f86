"""What a command prints: its results on standard output and nothing else there, all other words on standard error.

TensorFlow's C++ code, Prefect and child processes write to the file descriptor itself, so it is the descriptor that is
turned to standard error while a command runs.
"""

import json
import math
import os
import stat
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderHook, RenderResult
from rich.markup import escape
from rich.segment import Segment
from rich.table import Table

from lib.printable import escape_in_json, printable_lines

__all__ = [
    "err",
    "escape",
    "hold_back_stderr",
    "make_console",
    "only_results_on_stdout",
    "only_we_read_stderr",
    "out",
    "print_json",
    "say",
    "screen",
    "table",
]

# Where nobody looks at a screen, lines are left whole for those who search in them.
_WITHOUT_SCREEN = 1000

_results: IO[str] | None = None


@contextmanager
def only_results_on_stdout() -> Iterator[None]:
    """While inside, standard output takes what `out` and `print_json` print; all else goes to standard error."""
    global _results
    sys.stdout.flush()
    before = os.dup(1)
    file = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="replace")
    os.dup2(2, 1)
    _results = file
    try:
        with redirect_stdout(sys.stderr):
            yield
        file.flush()
    finally:
        _results = None
        with suppress(OSError):  # a reader that has gone has said so already, above
            sys.stdout.flush()
        os.dup2(before, 1)
        os.close(before)
        with suppress(OSError):
            file.close()


@contextmanager
def hold_back_stderr() -> Iterator[None]:
    """While inside, what is written to standard error is held back, and shown only if something is raised.

    For C++ code that asks nobody. Progress has its own way to the screen (`screen`).
    """
    before = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(before, held.read())
            raise
        finally:
            os.dup2(before, 2)
            os.close(before)


def screen() -> IO[str]:
    """Standard error as it is now, whatever becomes of the descriptor."""
    return os.fdopen(os.dup(2), "w", encoding="utf-8", errors="replace", buffering=1)


def out() -> Console:
    """The console for results."""
    return _console(_results or sys.stdout)


def err() -> Console:
    """The console for progress and messages."""
    return _console(sys.stderr)


def say(text: str) -> None:
    """A line of plain text for the user, beside the results."""
    err().print(text, markup=False, highlight=False, soft_wrap=True)


def print_json(document: Mapping[str, Any]) -> None:
    """The one JSON object that a command answers with; numbers that JSON cannot hold become null."""
    file = _results or sys.stdout
    encoder = json.JSONEncoder(indent=2, ensure_ascii=False, allow_nan=False)
    for text in encoder.iterencode(_plain(document)):  # of a large sweep the whole text takes hundreds of megabytes
        file.write(escape_in_json(text))
    file.write("\n")
    file.flush()


def only_we_read_stderr() -> bool:
    """Whether what is said goes to a terminal, to a program, or to a file of ours alone; not to the journal, say."""
    about = os.fstat(2)
    if os.environ.get("JOURNAL_STREAM") == f"{about.st_dev}:{about.st_ino}":
        return False
    return not (stat.S_ISREG(about.st_mode) and about.st_mode & 0o077)


def table(*columns: str, right: tuple[str, ...] = ()) -> Table:
    """An empty table in the project's look; the columns named in `right` hold numbers."""
    made = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left", overflow="fold")
    return made


def _console(file: IO[str]) -> Console:
    on_screen = file.isatty() or "COLUMNS" in os.environ
    return make_console(file, None if on_screen else _WITHOUT_SCREEN)


def make_console(file: IO[str], width: int | None = None) -> Console:
    """A console that no name steers, whatever is printed there."""
    console = Console(file=file, width=width, highlight=False)
    console.push_render_hook(_Harmless())
    return console


class _Harmless(RenderHook):
    """Shows what would steer the terminal in a text. What Rich itself says to the terminal stays."""

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        return [_Shown(renderable) for renderable in renderables]


@dataclass
class _Shown:
    renderable: ConsoleRenderable

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for segment in console.render(self.renderable, options):
            yield segment if segment.control else Segment(printable_lines(segment.text), segment.style)


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    return value
