"""Questions that a run has for whoever sits at the terminal, while its progress is shown there."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from flows.cli.progress import Display
from flows.cli.terminal import err
from tasks.session.asking import answer_by


@contextmanager
def asking(progress: Display) -> Iterator[None]:
    """While inside, questions of a run are shown and answered here; without a terminal it asks nobody, and goes on."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        yield
        return

    def answers(question: str) -> bool:
        with progress.paused():
            err().print(f"{question} [y/N] ", markup=False, highlight=False, soft_wrap=True, end="")
            return sys.stdin.readline().strip().lower() in ("y", "yes")

    with answer_by(answers):
        yield
