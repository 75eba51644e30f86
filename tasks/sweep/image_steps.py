"""How long an image-step of a layer took: one step of one image, forward and backward, as sweeps were measured."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from storage.store import Record, Store
from tasks.sweep.kinds.oip import KIND as OIP


class Searched(NamedTuple):
    """The search of one unit, as far as it was measured: in which run, with how many image-steps, from when to when."""

    layer: str
    run: str | None
    image_steps: int
    started: str
    ended: str

    @staticmethod
    def of(record: Record) -> "Searched":
        """What a record of the task `oip` says of it."""
        about = record.output("oips").attributes
        steps = about.get("image_steps")
        return Searched(
            str(about.get("layer")),
            record.provenance.run,
            steps if isinstance(steps, int) else 0,
            record.started,
            record.ended,
        )


@dataclass
class _Work:
    """What one sweep did in one layer."""

    ended: str = ""
    image_steps: int = 0
    spans: list[tuple[float, float]] = field(default_factory=list)


def milliseconds_of(store: Store, digest: str) -> dict[str, float]:
    """Milliseconds that an image-step of each layer of a network took in the latest sweep; `digest`: of its file."""
    readers = (record for record, role in store.questions().consumers(digest) if role == "model")
    return milliseconds(Searched.of(record) for record in readers if record.task == OIP.task)


def milliseconds(searches: Iterable[Searched]) -> dict[str, float]:
    """Milliseconds that an image-step of each layer took in the latest run of these searches.

    It is the time from the first search's beginning to the last one's end, without what lay between, over the
    image-steps of all: what was traced, drawn and stored in that time counts as well.
    """
    works: dict[str, dict[str | None, _Work]] = defaultdict(lambda: defaultdict(_Work))
    for search in searches:
        work = works[search.layer][search.run]
        work.image_steps += search.image_steps
        work.spans.append((_seconds(search.started), _seconds(search.ended)))
        work.ended = max(work.ended, search.ended)
    found = {}
    for layer, runs in works.items():
        latest = max(runs.values(), key=lambda work: work.ended)
        if latest.image_steps and (seconds := _covered(latest.spans)):
            found[layer] = 1000 * seconds / latest.image_steps
    return found


def _covered(spans: Iterable[tuple[float, float]]) -> float:
    """How many seconds lie within at least one of these."""
    total, reached = 0.0, float("-inf")
    for begun, ended in sorted(spans):
        total += max(0.0, ended - max(begun, reached))
        reached = max(reached, ended)
    return total


def _seconds(stamp: str) -> float:
    return datetime.fromisoformat(stamp).timestamp()
