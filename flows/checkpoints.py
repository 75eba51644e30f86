"""A model through its training: a sweep of each checkpoint that is asked for, before the sweep of the model itself."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from prefect.client.schemas.objects import State

from flows.forms.parameters import SweepParameters
from flows.results.summaries import CheckpointSummary, SweepSummary
from storage.store import Record, Store
from tasks.model.checkpoints import checkpoint_name, checkpoints_of, choose, identity_of
from tasks.model.stored import StoredModel
from tasks.session.recorded import PARTIAL, unusable_store
from tasks.session.session import Session

SweepCheckpoint = Callable[[SweepParameters, str], State[SweepSummary]]
"""Runs a flow of its own that sweeps with these parameters, under a name."""


@dataclass
class CheckpointSweeps:
    """What came of the checkpoints. `runs`: of each that was swept. `failures`, and what is `waiting` for the next run,
    by name."""

    runs: list[CheckpointSummary] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)
    waiting: list[str] = field(default_factory=list)


def choose_checkpoints(store: Store, wanted: str | None, model: StoredModel, found: Mapping[int, Record]) -> list[int]:
    """The epochs whose checkpoints are to be swept, the first first, among those that were found with the model.

    A model that was trained just now has its own. Raises BadInput for one that there is not. The last one is the model
    itself, whose own sweep follows anyhow.
    """
    if wanted is None:
        return []
    chosen = found or choose(checkpoints_of(store, model.record), wanted, model.name)
    return [epoch for epoch, one in chosen.items() if identity_of(one) != model.identity]


def sweep_checkpoints(
    open_session: Session,
    parameters: SweepParameters,
    model: StoredModel,
    chosen: Mapping[int, Record],
    sweep: SweepCheckpoint,
) -> CheckpointSweeps:
    """Sweep the checkpoints in turn, each as a run of its own, as long as there is time.

    `chosen`: those that were found with the model; none of one that was trained just now.

    Raises BadInput as `choose_checkpoints`, and StoreUnusable.
    """
    found = CheckpointSweeps()
    for epoch in choose_checkpoints(open_session.store, parameters.checkpoints, model, chosen):
        name = f"epoch {epoch}"
        if open_session.deadline.passed:
            found.waiting.append(name)
            continue
        asked = {"model": checkpoint_name(model.name, epoch), "train": None, "checkpoints": None}
        if parameters.train is not None:  # what was trained on is known
            asked["data"] = None
        state = sweep(parameters.model_copy(update=asked).until(open_session.deadline), name)
        answer = state.result(raise_on_failure=False)
        if stopped := unusable_store(state):
            raise stopped
        if not state.is_completed():
            found.failures[name] = state.message or state.name or "failed"
        elif state.name == PARTIAL:
            found.waiting.append(name)
        found.runs.append(_summarise(epoch, answer))
    return found


def _summarise(epoch: int, answer: SweepSummary | Exception) -> CheckpointSummary:
    if isinstance(answer, dict):
        counts = answer["computed"], answer["reused"], answer["left"]
        return CheckpointSummary(epoch=epoch, run=answer["run"], computed=counts[0], reused=counts[1], left=counts[2])
    run = getattr(answer, "run", None)  # as MapsFailed has
    return CheckpointSummary(epoch=epoch, run=run, computed=None, reused=None, left=None)
