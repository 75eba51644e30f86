"""The flow `nightly`: all that is to be done in a night, in its order, and a summary for the morning."""

import fcntl
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from flows.analyse import analyse
from flows.dream import dream
from flows.forms.parameters import NightlyParameters
from flows.forms.places import DATA_FOLDER
from flows.results.reports import report_night
from flows.results.summaries import TrainSummary
from flows.running.fields import form_flow
from flows.running.labels import is_first_of_its_flow, tag_flow_run
from flows.running.locks import try_lock
from flows.running.outcome import SKIPPED, end_partial
from flows.running.work import alive
from flows.sweep import oip_sweep
from flows.train import train
from tasks.dream.unreadable import pass_over_unreadable, say_passed_over
from tasks.session.recorded import PARTIAL


@form_flow("nightly")
def nightly(parameters: NightlyParameters) -> State[None]:
    """Train where there is no model of this recipe yet, optimise feature visualisations (OIPs), dream, and analyse.

    Ends `Partial` where its time limit was reached with work left, which the next night goes on with, and `Skipped`
    where another nightly run is under way in the same store.
    """
    with _the_only_one(parameters.store, parameters.pool) as alone, alive(parameters) as live:
        if not alone:
            return Completed(name=SKIPPED, message="another nightly run is under way in this store")
        tag_flow_run(kind="nightly", data=parameters.data)
        steps: dict[str, State[Any]] = {}
        model = parameters.model
        training = parameters.train_parameters()
        if training is not None:
            trained = train(training.until(live.deadline), return_state=True)
            steps["train"] = trained
            model = _model_of(trained)
        if model is not None and not live.deadline.passed:
            steps["oip-sweep"] = oip_sweep(parameters.sweep_parameters(model).until(live.deadline), return_state=True)
        dreaming = parameters.dreaming
        if model is not None and dreaming is not None and not live.deadline.passed:
            with pass_over_unreadable():
                steps["dream"] = dream(
                    parameters.dream_parameters(dreaming, model).until(live.deadline), return_state=True
                )
        # without a data set there is nothing to analyse the model on
        has_images = bool(parameters.data or live.found.training or live.found.data)
        analysis = parameters.analysis if has_images else None
        if model is not None and analysis is not None and not live.deadline.passed:
            asked = parameters.analyse_parameters(analysis, model).until(live.deadline)
            steps["analyse"] = analyse(asked, return_state=True)
        report_night(parameters.store, steps)
        failed = [f"{name}: {state.message}" for name, state in steps.items() if not state.is_completed()]
        noted = [f"{name}: {_note(state)}" for name, state in steps.items() if _note(state)]
        if failed:
            return Failed(message="; ".join([*failed, *noted]))
        late = [f"{name}: {state.message}" for name, state in steps.items() if state.name == PARTIAL]
        wanted = {"oip-sweep": True, "dream": dreaming is not None, "analyse": analysis is not None}
        late += [f"{name}: not begun" for name, is_wanted in wanted.items() if is_wanted and name not in steps]
        if late:
            return end_partial("; ".join([*late, *noted]))
        return Completed(message="; ".join([*(f"{name}: {state.name}" for name, state in steps.items()), *noted]))


def _model_of(state: State[TrainSummary]) -> str | None:
    """The model that a training came to, if it came to one: it may have failed, or have been out of time."""
    answer = state.result() if state.is_completed() else None
    return None if answer is None else answer["model"]


def _note(state: State[Any]) -> str:
    """What is to be said of a part that is whole: pictures that it could not read. Others say it in their messages."""
    if not state.is_completed() or state.name == PARTIAL:
        return ""
    return say_passed_over((state.result() or {}).get("passed_over", []))


@contextmanager
def _the_only_one(store: str, pool: str | None) -> Iterator[bool]:
    """Whether this is the only night in a store while inside: held by a lock that dies with this process, and, where a
    pool does the work, told by the server, as other machines may have nights of the same store."""
    if pool is not None and not is_first_of_its_flow(store):
        yield False
        return
    place = store if "://" in store else str(Path(store).resolve())
    folder = DATA_FOLDER / "prefect" / "nights"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{hashlib.sha256(place.encode()).hexdigest()[:16]}.lock").open("ab") as file:
        yield try_lock(file, fcntl.LOCK_EX)
