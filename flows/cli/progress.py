"""How far a run is, on the terminal: bars with the time left on a screen, else a plain line now and then.

Everything goes to standard error; results do not pass through here.
"""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeRemainingColumn

from flows.cli.terminal import screen
from lib.words import count, duration

SECONDS_BETWEEN_LINES = 10.0


class Display(Protocol):
    """Where progress is shown. Any thread may call; used as `with`."""

    def say(self, text: str) -> None:
        """Show a line of text that stays."""

    def update(self, what: str, done: int, total: int, note: str = "") -> None:
        """Show how far something is; it is over when `done` is `total`. A `tasks.session.progress.Listener`."""

    def __enter__(self) -> "Display": ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def choose_display() -> Display:
    """Bars where standard error is a screen, else lines."""
    return Bars() if sys.stderr.isatty() else Lines()


@contextmanager
def step(progress: Display, what: str) -> Iterator[None]:
    """Something that takes long and cannot say how far it is, as an import."""
    progress.update(what, 0, 1)
    yield
    progress.update(what, 1, 1)


@dataclass
class _Part:
    begun: float
    said: float
    task: TaskID | None = None


class Lines:
    """Progress for logs: a line when something begins, every ten seconds, and when it is over."""

    def __init__(self) -> None:
        self._screen = screen()
        self._parts: dict[str, _Part] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> "Lines":
        return self

    def __exit__(self, *_: object) -> None:
        self._screen.close()

    def say(self, text: str) -> None:
        """Print a line."""
        print(text, file=self._screen, flush=True)

    def update(self, what: str, done: int, total: int, note: str = "") -> None:
        """Print a line if it is time for one."""
        now = time.monotonic()
        with self._lock:
            part = self._parts.get(what)
            if part is None:
                part = self._parts[what] = _Part(now, now)
                if done < total:
                    self.say(what)
            elif done < total and now - part.said < SECONDS_BETWEEN_LINES:
                return
            else:
                part.said = now
            if done >= total:
                del self._parts[what]
                self.say(f"{what}: {_over(total, note, now - part.begun)}")
            elif now > part.begun:
                left = (now - part.begun) * (total - done) / done if done else None
                words = [f"{count(done)} of {count(total)}", note, f"about {duration(left)} left" if left else ""]
                self.say(f"{what}: {', '.join(filter(None, words))}")


@dataclass
class Bars:
    """Progress for a screen: a bar for everything under way; what is over becomes a line above."""

    console: Console = field(default_factory=lambda: Console(file=screen(), highlight=False))

    def __post_init__(self) -> None:
        self._parts: dict[str, _Part] = {}
        self._lock = threading.Lock()
        self._bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[amount]}", markup=False),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.fields[note]}", style="dim", markup=False),
            console=self.console,
            transient=True,
        )

    def __enter__(self) -> "Bars":
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()
        self.console.file.close()

    def say(self, text: str) -> None:
        """Print a line above the bars."""
        self._bars.console.print(text, style="dim", markup=False)

    def update(self, what: str, done: int, total: int, note: str = "") -> None:
        """Move the bar of something; take it away when it is over."""
        now = time.monotonic()
        with self._lock:
            part = self._parts.setdefault(what, _Part(now, now))
            if done >= total:
                del self._parts[what]
                if part.task is not None:
                    self._bars.remove_task(part.task)
                self._bars.console.print(f"✓ {what}  {_over(total, note, now - part.begun)}", markup=False)
                return
            amount = f"{count(done)}/{count(total)}" if total > 1 else ""
            if part.task is None:
                part.task = self._bars.add_task(what, total=total if total > 1 else None, amount=amount, note=note)
            else:
                self._bars.update(part.task, completed=done, amount=amount, note=note)


def _over(total: int, note: str, seconds: float) -> str:
    return ", ".join(filter(None, [f"{count(total)} done" if total > 1 else "done", note, duration(seconds)]))
