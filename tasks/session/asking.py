"""Asking whoever started a run, where somebody sits at a terminal: a run elsewhere asks nobody, and never waits.

The process that owns the terminal says who answers; a flow below it asks through here.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from lib.errors import BadInput

Answers = Callable[[str], bool]
"""Shown a question that yes or no answers; says which."""

_answering: list[Answers] = []


class Declined(BadInput):
    """Whoever started the run was asked whether it shall go on, and said no."""


@contextmanager
def answer_by(answers: Answers) -> Iterator[None]:
    """While inside, questions go there; one answer is enough for all runs that are started meanwhile."""
    said: list[bool] = []

    def once(question: str) -> bool:
        if not said:
            said.append(answers(question))
        return said[0]

    _answering.append(once)
    try:
        yield
    finally:
        _answering.remove(once)


def agreed(question: str) -> bool:
    """Whether it shall go on. Where nobody can be asked it does."""
    return _answering[-1](question) if _answering else True
