"""The dreams of a run, by task runs of the flow run in which this is called: a pass after the other."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from flows.running.fan_out import fan_out
from tasks.dream.context import AT_ONCE, DreamContext
from tasks.dream.dreams import make_dream
from tasks.dream.pieces import Piece
from tasks.session.progress import report
from tasks.session.recorded import unusable_store

PROGRESS = "dreams"


def dream_all(context: DreamContext, todo: Sequence[Piece], put: Callable[[Piece], object], total: int) -> None:
    """Dream all passes of what `todo` has the first of, as far as there is time; `put` is called with what is made.

    Raises StoreUnusable where nothing can be stored any more.
    """
    run, tally = context.session.run.id, context.tally
    report(PROGRESS, 0, total)

    def go_on() -> bool:
        return not (context.session.deadline.passed or tally.stopped)

    for number in range(1, context.passes + 1):
        waiting = {}
        for first in todo:
            piece = replace(first, number=number)
            if number == 1 or tally.is_made(piece.before.title):
                waiting[piece.title] = piece
        submits = (
            partial(make_dream.submit, title, piece.picture, number, str(piece.unit or ""), run)
            for title, piece in list(waiting.items())
        )
        bad = None
        for state in fan_out(submits, AT_ONCE, go_on):
            if not state.is_completed():
                tally.stop(unusable_store(state))
                bad = state
            for title in [title for title in waiting if tally.is_made(title)]:
                put(waiting.pop(title))
            failed = tally.failed
            report(PROGRESS, tally.done, total, f"{failed} failed" if failed else "", there=tally.reused)
        if bad and go_on():  # a task run that did not even come to its work
            for lost in [title for title in waiting if not tally.has_failed(title)]:
                tally.fail(lost, bad.message or bad.name or "failed")
        if tally.stopped:
            raise tally.stopped
    if tally.done < total:
        report(PROGRESS, total, total, "stopped with some left")


def passes_of(first: Piece) -> list[Piece]:
    """All passes of what this is the first of, in their order."""
    return [replace(first, number=number) for number in range(1, first.passes + 1)]
