"""How far a run is, on the terminal: bars with the time left on a screen, else a plain line now and then.

Everything goes to standard error; results do not pass through here.
"""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TaskID, TextColumn
from rich.text import Text

from flows.cli.terminal import make_console, screen
from flows.cli.time_left import TimeLeft
from lib.printable import printable_lines
from lib.words import count, duration

SECONDS_BETWEEN_LINES = 5.0
QUICK_SECONDS = 1.0
"""What is over sooner has one line and not two, and none where nothing is to be said of it that was not said before."""
_LOOK_SECONDS = 0.5


class Display(Protocol):
    """Where progress is shown. Any thread may call; used as `with`."""

    def say(self, text: str) -> None:
        """Show a line of text that stays."""

    def update(self, what: str, done: int, total: int, note: str = "", of: str = "", there: int = 0) -> None:
        """Show how far something is; it is over when `done` is `total`. A `tasks.session.progress.Listener`."""

    def paused(self) -> AbstractContextManager[None]:
        """While inside, nothing moves on the screen: somebody is asked something there."""

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
    """Something under way. `words`: what was last said of it, when it was `said`; `named`: whether it has a line."""

    begun: float
    said: float
    left: TimeLeft
    task: TaskID | None = None
    done: int = 0
    total: int = 1
    note: str = ""
    of: str = ""
    words: str = ""
    named: bool = False

    @staticmethod
    def begin() -> "_Part":
        now = time.monotonic()
        return _Part(now, now, TimeLeft())

    def take(self, done: int, total: int, note: str, of: str, there: int) -> None:
        self.done, self.total, self.note, self.of = done, total, note, of
        self.left.note(done, there)

    @property
    def over(self) -> str:
        """How it ended, in words."""
        done = " ".join(filter(None, [count(self.total) if self.total > 1 else "", self.of, "done"]))
        return ", ".join(filter(None, [done, self.note, duration(time.monotonic() - self.begun)]))

    def is_no_news(self, total: int | None) -> bool:
        """Whether its end need not be said: it was quick, and was said before with this total, or is of no number."""
        return time.monotonic() - self.begun < QUICK_SECONDS and self.total in (1, total)


class Lines:
    """Progress for logs: a line when something begins that takes a while, every five seconds where there is news, and
    when it is over. What cannot say how far it is, as an import, is named at once: somebody waits for it."""

    def __init__(self) -> None:
        self._screen = screen()
        self._parts: dict[str, _Part] = {}
        self._over: dict[str, int] = {}
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._clock = threading.Thread(target=self._renew_now_and_then, name="progress", daemon=True)

    def __enter__(self) -> "Lines":
        self._clock.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._clock.join()
        self._screen.close()

    def say(self, text: str) -> None:
        """Print a line."""
        print(printable_lines(text), file=self._screen, flush=True)

    def update(self, what: str, done: int, total: int, note: str = "", of: str = "", there: int = 0) -> None:
        """Print a line if it is time for one."""
        with self._lock:
            part = self._parts.setdefault(what, _Part.begin())
            part.take(done, total, note, of, there)
            if done >= total:
                del self._parts[what]
                if not part.is_no_news(self._over.get(what)):
                    self.say(f"{what}: {part.over}")
                self._over[what] = total
            else:
                self._renew(what, part)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Print nothing while inside."""
        with self._lock:
            yield

    def renew(self) -> None:
        """Print a line of whatever it is time for, and of which there is something new to be said."""
        with self._lock:
            for what, part in self._parts.items():
                self._renew(what, part)

    def _renew(self, what: str, part: _Part) -> None:
        now = time.monotonic()
        if not part.named:
            if part.total > 1 and now - part.begun < QUICK_SECONDS:
                return
            part.named = True
            self.say(what)
        # what cannot say how far it is says nothing more until it is over
        if part.total == 1 or now - part.said < SECONDS_BETWEEN_LINES:
            return
        left = part.left.seconds(part.total)
        amount = f"{count(part.done)} of {count(part.total)}"
        said = [f"{amount} {part.of}".rstrip(), part.note, f"about {duration(left)} left" if left else ""]
        words = ", ".join(filter(None, said))
        if words != part.words:
            part.said, part.words = now, words
            self.say(f"{what}: {words}")

    def _renew_now_and_then(self) -> None:
        while not self._ended.wait(_LOOK_SECONDS):
            self.renew()


class _Left(ProgressColumn):
    """About how long it will still take; drawn anew as often as the bars are."""

    def render(self, task: Task) -> Text:
        """As "12 s left"; nothing where that cannot be said yet."""
        left = None if task.total is None else task.fields["left"].seconds(int(task.total))
        return Text("" if left is None else f"{duration(left)} left")


@dataclass
class Bars:
    """Progress for a screen: a bar for everything under way; what is over becomes a line above."""

    console: Console = field(default_factory=lambda: make_console(screen()))

    def __post_init__(self) -> None:
        self._parts: dict[str, _Part] = {}
        self._over: dict[str, int] = {}
        self._lock = threading.Lock()
        self._bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[amount]}", markup=False),
            _Left(),
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

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Take the bars away while inside."""
        with self._lock:
            self._bars.stop()
            try:
                yield
            finally:
                self._bars.start()

    def say(self, text: str) -> None:
        """Print a line above the bars."""
        self._bars.console.print(text, style="dim", markup=False)

    def update(self, what: str, done: int, total: int, note: str = "", of: str = "", there: int = 0) -> None:
        """Move the bar of something; take it away when it is over."""
        with self._lock:
            part = self._parts.setdefault(what, _Part.begin())
            part.take(done, total, note, of, there)
            if done >= total:
                del self._parts[what]
                if part.task is not None:
                    self._bars.remove_task(part.task)
                if not part.is_no_news(self._over.get(what)):
                    self._bars.console.print(f"✓ {what}  {part.over}", markup=False)
                self._over[what] = total
                return
            amount = f"{count(done)}/{count(total)} {of}".rstrip() if total > 1 else ""
            if part.task is None:
                part.task = self._bars.add_task(
                    what, total=total if total > 1 else None, amount=amount, note=note, left=part.left
                )
            else:
                self._bars.update(part.task, completed=done, amount=amount, note=note)
