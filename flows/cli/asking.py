"""Questions that a run has for whoever sits at the terminal, while its progress is shown there."""

import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from flows.cli.progress import Display
from flows.cli.terminal import err
from tasks.session.asking import answer_by
from tasks.session.progress import beat

SECONDS_BETWEEN_BEATS = 20.0


@contextmanager
def asking(progress: Display) -> Iterator[None]:
    """While inside, questions of a run are shown and answered here; without a terminal it asks nobody, and goes on."""
    if not (sys.stdin.isatty() and sys.stderr.isatty() and _in_front()):
        yield
        return

    def answers(question: str) -> bool:
        with progress.paused():
            err().print(f"{question} [y/N] ", markup=False, highlight=False, soft_wrap=True, end="")
            while not select.select([sys.stdin], [], [], SECONDS_BETWEEN_BEATS)[0]:
                beat()  # it waits for somebody, and does not hang
            return sys.stdin.readline().strip().lower() in ("y", "yes")

    with answer_by(answers):
        yield


def _in_front() -> bool:
    """Whether this process may read from its terminal: one that a shell has put into the background is stopped then."""
    try:
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except OSError:  # it is a terminal that no shell shares among its jobs
        return True
