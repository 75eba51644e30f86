"""The flow `analyse`: how a model decides, on the images of its data set or on pictures from disk."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from prefect.client.schemas.objects import State

from flows.forms.allowed_places import refusal
from flows.forms.form import path_of
from flows.forms.parameters import AnalyseParameters
from flows.forms.resolve import Resolved
from flows.register import obtain_model
from flows.results.analysis_summary import analysis_summary
from flows.results.reports import report_analysis, show_progress
from flows.results.summaries import AnalysisSummary
from flows.running.damage import makes_damaged_again
from flows.running.fields import form_flow
from flows.running.gallery_update import refresh_gallery
from flows.running.labels import tag_flow_run
from flows.running.outcome import end_run
from flows.running.pixels import settle_pixels
from flows.running.work import alive, work
from lib.data.image_names import ImageName
from lib.data.wanted_images import WantedImages
from lib.errors import BadInput
from lib.network.keras_model import KerasModel
from lib.network.units import layers_with_units, select_layers
from lib.pictures.names import show_name
from lib.printable import printable
from storage.store import Record
from tasks.analysis.context import AnalysisContext
from tasks.analysis.doubts import prediction_warnings
from tasks.analysis.groups import TEST, Groups
from tasks.analysis.predictions import prediction_step
from tasks.analysis.steps import Step, Wanted, plan
from tasks.model.context import open_context
from tasks.model.data import load_data
from tasks.model.model_tasks import store_data
from tasks.model.models import check_images
from tasks.model.network import Network, load_model
from tasks.model.stored import data_of
from tasks.session.progress import report, say
from tasks.session.recorded import key_of
from tasks.session.session import Session
from tasks.session.transient import store_unusable

FIRST = 4
"""So many images are looked at of a data set without labels, where none are named."""

LATEST = "analysis/latest"
PROGRESS = "analysis"


class AnalysisFailed(Exception):
    """Some results could not be had, and all others are finished. `run`: what the store calls it."""

    def __init__(self, message: str, run: str) -> None:
        super().__init__(message)
        self.run = run


@form_flow("analyse")
@makes_damaged_again
def analyse(parameters: AnalyseParameters) -> State[AnalysisSummary]:
    """Analyse how a model decides. Ends `Failed`, naming the results, where one failed; all others are finished then.

    At its deadline it ends `Partial`, saying how many results are left.

    Returns `flows.results.analysis_summary.analysis_summary`. Raises AnalysisFailed where it is called directly.
    """
    begun = time.monotonic()
    with alive(parameters) as live:
        with (
            work(live, "analyse") as open_session,
            _open_context(open_session, parameters, live.found) as context,
        ):
            tag_flow_run(model=context.network.name, data=context.data[0].name if context.data else None)
            run, store, tally = open_session.run.id, open_session.store, context.tally
            _groups(context, parameters)  # raises what is wrong with them before anything is made
            predicted = context.labelled and context.classifier is not None
            if predicted:
                _do_all(context, [prediction_step(context)])
            warnings = prediction_warnings(context)
            for warning in warnings:
                say(f"Warning: {warning}")
            chosen = _groups(context, parameters) or Groups.choose(context)
            groups = None if isinstance(chosen, str) else chosen
            notes = [*context.notes(), *([chosen] if isinstance(chosen, str) else [])]
            images, layers = _images(context, parameters, groups), _layers(context, parameters) if groups else []
            todo = plan(context, Wanted(images, layers, groups, parameters.tensors))
            total = len(todo) + predicted
            if not total:
                raise BadInput(f"nothing can be analysed: {'; '.join(notes) or 'name images'}")
            with show_progress(tally, total, PROGRESS):
                _do_all(context, todo)
            left = total - tally.done
            for title, message in tally.failures.items():
                open_session.run.fail(title, printable(message))
            about = {
                "model": context.network.name,
                "data": context.data[0].name if context.data else None,
                "pair": [group.name for group in (groups.first, groups.second)] if groups else None,
                "warnings": warnings,
                "accuracy": context.predictions.accuracy if context.predictions else None,
                "notes": notes,
                "results": total,
                "computed": tally.computed,
                "reused": tally.reused,
                "left": left,
                "seconds": round(time.monotonic() - begun, 2),
            }
            open_session.run.close("failed" if tally.failed else "partial" if left else "completed", about)
            summary = analysis_summary(store, run)
            store.set_ref(LATEST, f"run:{run}")
        refresh_gallery(parameters.store)
        report_analysis(store, summary)
        return end_run(summary, "results", total, partial(AnalysisFailed, run=run))


def _images(context: AnalysisContext, parameters: AnalyseParameters, groups: Groups | None) -> list[str]:
    """The images that are looked at by themselves: those that are named, or else the unclear ones, or a clear one.

    Where no classes are compared, the first images of the test set.
    """
    named = [*context.pictures, *(name for name in parameters.images or () if ImageName.parse(name))]
    if not named and groups is None and context.data is not None:
        return [str(ImageName(TEST, number)) for number in range(min(FIRST, len(context.images(TEST)[0])))]
    return list(dict.fromkeys(named or (groups.unclear or groups.first.images[:1] if groups else ())))


def _do_all(context: AnalysisContext, todo: Sequence[Step]) -> None:
    """Make what there is time for, one after the other. Raises StoreUnusable where nothing can be stored any more."""
    session = context.session
    session.pin(recipe for step in todo if (recipe := step.find_recipe()) is not None)
    for done, step in enumerate(todo):
        report(PROGRESS, done, len(todo), step.title, of="results")
        if session.deadline.passed:
            break
        state = step.make(step.title, *step.what, session.run.id, return_state=True)
        try:
            key = key_of(state)
        except Exception as problem:  # whatever it was stands in the task run
            if (stopped := store_unusable(problem)) is not None:
                raise stopped from problem
            context.tally.fail(step.title, str(problem) or type(problem).__name__)
        else:
            context.tally.add(step.title, key, reused=state.name == "Reused")
    report(PROGRESS, len(todo), len(todo), of="results")


def _groups(context: AnalysisContext, parameters: AnalyseParameters) -> Groups | None:
    """The groups that are named, if any."""
    return Groups.from_names(context, parameters.first or (), parameters.second or ()) if parameters.first else None


def _layers(context: AnalysisContext, parameters: AnalyseParameters) -> list[str]:
    """The layers whose patterns are compared: the last convolution and the first dense layer, unless others are named.

    What decides, the last layer, is neither.
    """
    if parameters.layers:
        return [layer.name for layer in select_layers(context.network.model, parameters.layers)]
    layers = [layer for layer in layers_with_units(context.network.model) if layer.weighted]
    maps = [layer.name for layer in layers if layer.default][-1:]
    return maps + [layer.name for layer in layers[:-1] if layer.kind != "map"][:1]


@contextmanager
def _open_context(open_session: Session, parameters: AnalyseParameters, found: Resolved) -> Iterator[AnalysisContext]:
    """Everything that the tasks share. Raises BadInput."""
    stored = obtain_model(open_session, found, parameters)
    model = load_model(open_session.store, stored)
    if parameters.layers:
        select_layers(model, parameters.layers)
    data = _data(open_session, parameters, stored.record, model)
    pictures = _pictures(parameters)
    if data is None and not pictures:
        raise BadInput("the model has no data set: name the one that it was trained on with --data, or pictures")
    network = Network.of(model, settle_pixels(open_session, stored, model, parameters.pixels, data))
    context = AnalysisContext(
        open_session,
        network,
        parameters.settings,
        (load_data(open_session.store, data), data) if data else None,
        pictures,
    )
    context.check()
    for name in (*(parameters.images or ()), *(parameters.first or ()), *(parameters.second or ())):
        if (image := ImageName.parse(name)) is not None:
            image.of(context.images(image.set)[0])
    if parameters.layers and not context.labelled:
        raise BadInput("layers are compared on a data set with labels: name one with --data, or leave out --layers")
    with open_context(context):
        yield context


def _pictures(parameters: AnalyseParameters) -> Mapping[str, Path]:
    """The files that are named, by what they are called here."""
    found: dict[str, Path] = {}
    for place in parameters.images or ():
        if ImageName.parse(place) is None:
            path = path_of(place)
            if (why := refusal(str(path))) is not None:
                raise BadInput(f"{show_name(str(path))} lies {why}")
            name, number = f"picture:{show_name(path.name)}", 1
            while name in found:
                number += 1
                name = f"picture:{show_name(path.name)} ({number})"
            found[name] = path
    return found


def _data(open_session: Session, parameters: AnalyseParameters, record: Record, model: KerasModel) -> Record | None:
    """The record of the data set. Raises BadInput where the network takes other images."""
    if parameters.data is None:
        return data_of(open_session.store, record)
    made = store_data(
        parameters.data,
        parameters.data_dir,
        open_session.run.id,
        suits=lambda data: check_images(model, data.input_shape, None),
        wanted=WantedImages.of_network(model.input_shape, None, parameters.fit),
        return_state=True,
    )
    return open_session.store.record(key_of(made))
