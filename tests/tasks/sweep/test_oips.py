"""One task run for several maps of a layer."""

from collections.abc import Callable
from typing import Any

from tasks.session.progress import listen, report
from tasks.session.session import Session, session
from tasks.sweep.oips import make_oips
from tests.flows.tiny import MAPS


def test_a_task_run_of_several_maps_tells_of_each_when_it_is_made(
    open_session: Session, sweep_context_in: Callable[..., Any]
) -> None:
    units, run = [f"Conv2D_1/{index}" for index in range(MAPS["Conv2D_1"])], open_session.run.id
    with session(open_session.store.root, "earlier", {}) as earlier:
        sweep_context_in(earlier)
        make_oips.fn("the second", [units[1]], earlier.run.id)
    open_session.look_again([])
    sweep_context_in(open_session)

    def told(*given: Any) -> list[tuple[int, int, int]]:
        """How many were done, out of how many, and how many of them were there, as the layer is swept."""
        heard: list[tuple[Any, ...]] = []
        with listen(lambda *said: heard.append(said)):
            report("Conv2D_1", 0, len(units), of="maps")
            make_oips.fn(*given)
        return [(done, total, there) for what, done, total, _, _, there in heard if what == "Conv2D_1"]

    assert told("all", units, run) == [(0, 4, 0), (1, 4, 0), (2, 4, 1), (3, 4, 1)]
