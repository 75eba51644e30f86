"""The flow `dream`: a model dreams into folders of pictures, one task run a picture and pass."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from prefect.client.schemas.objects import State
from prefect.task_runners import ThreadPoolTaskRunner

from flows.dreaming.dream_files import DreamFiles
from flows.dreaming.dream_passes import dream_all
from flows.dreaming.dream_shards import DreamWork
from flows.forms.allowed_places import refusal
from flows.forms.form import path_of
from flows.forms.parameters import DreamParameters
from flows.forms.resolve import Resolved
from flows.register import obtain_model
from flows.results.dream_summary import dreams_summary
from flows.results.reports import report_dreams, show_progress
from flows.results.summaries import DreamsSummary
from flows.running.damage import makes_damaged_again
from flows.running.fields import form_flow
from flows.running.gallery_update import refresh_gallery
from flows.running.labels import tag_flow_run
from flows.running.outcome import end_run, few
from flows.running.pixels import settle_pixels
from flows.running.shards import Sharding
from flows.running.work import alive, work
from flows.running.work_pool import check_pool, open_pool
from lib.errors import BadInput
from lib.network.units import Unit, select_units
from lib.pictures.animation import Kind
from lib.pictures.listing import PictureListing, absolute, listing
from lib.pictures.names import show_name
from storage.store import Store
from tasks.dream.context import AT_ONCE, DreamContext, guide_in
from tasks.dream.dreams import note_passes, recipes_of
from tasks.dream.films import make_animation
from tasks.dream.pieces import Piece, animation_title, tour_file, tour_title
from tasks.dream.tours import make_tour_sheet
from tasks.dream.unreadable import NOTED, Unreadable, is_passing_over, noted_before, say_passed_over
from tasks.model.context import open_context
from tasks.model.network import Network, load_model
from tasks.model.stored import data_of
from tasks.session.progress import say
from tasks.session.recorded import key_of
from tasks.session.session import Session

LATEST = "dream/latest"
MOST_NAMED = 100
"""Of files that are passed over, as many are named."""


class DreamsFailed(Exception):
    """Some pictures could not be dreamed of, and all others are finished. `run`: what the store calls it."""

    def __init__(self, message: str, run: str) -> None:
        super().__init__(message)
        self.run = run


@form_flow("dream", task_runner=ThreadPoolTaskRunner(max_workers=AT_ONCE))
@makes_damaged_again
def dream(parameters: DreamParameters) -> State[DreamsSummary]:
    """Run DeepDream on pictures. Ends `Failed`, naming the pictures, where one failed; all others are finished then.

    In a night, a picture that cannot be read is named once, until its file changes, and nothing fails because of it.

    What is added to the folders while it runs is left to the next run. At its deadline it ends `Partial`, saying how
    many dreams are left; those in the making are finished first.

    Returns `flows.results.dream_summary.dreams_summary`. Raises DreamsFailed where it is called directly.
    """
    begun = time.monotonic()
    with alive(parameters) as live:
        with (
            work(live, "dream") as open_session,
            _open_context(open_session, parameters, live.found) as (context, tour),
        ):
            check_pool(parameters.pool, DreamWork.flow)
            tag_flow_run(model=context.network.name)
            run, store, tally = open_session.run.id, open_session.store, context.tally
            todo = [Piece(name, 1, context.passes, unit) for name in context.pictures for unit in tour or (None,)]
            total = len(todo) * context.passes + tally.failed
            open_session.pin(recipes_of(context, todo))
            files = DreamFiles(store, parameters.out)
            with show_progress(tally, total, "pictures"):
                if parameters.pool is None:
                    dream_all(context, todo, partial(_put, context, files=files), total)
                else:
                    _dream_by_pool(context, todo, files, parameters, parameters.pool)
            left = _take_stock(context, todo, files)
            _gather_tours(context, tour, files)
            _animate(context, parameters.animation, files)
            for name, message in tally.failures.items():
                open_session.run.fail(name, message)
            # who starts it by hand wants to know; a night is not to fail night after night because of one file
            passed_over = context.unreadable.pictures if is_passing_over() else []
            failed = set(tally.failures) - (context.unreadable.titles if passed_over else set())
            about = {
                "model": context.network.name,
                "objective": parameters.tour or context.dreamer().objective,
                "mode": context.settings.mode,
                "out": show_name(str(parameters.out)),
                "files": files.written,
                "dreams": total,
                "computed": tally.computed,
                "reused": tally.reused,
                "left": left,
                "passed_over": passed_over,
                NOTED: context.unreadable.noted(),
                "seconds": round(time.monotonic() - begun, 2),
            }
            open_session.run.close("failed" if failed else "partial" if left else "completed", about)
            summary = dreams_summary(store, run)
            store.set_ref(LATEST, f"run:{run}")
        refresh_gallery(parameters.store)
        report_dreams(store, summary)
        return end_run(
            summary,
            "dreams",
            total,
            partial(DreamsFailed, run=run),
            passed_over=set(tally.failures) - failed,
            note=say_passed_over(passed_over),
        )


def _dream_by_pool(
    context: DreamContext, todo: Sequence[Piece], files: DreamFiles, parameters: DreamParameters, pool: str
) -> None:
    """Dream all that there is time for by the workers of a pool."""
    after = parameters.stalled_after
    work = DreamWork(context, partial(_put, context, files=files), stalled_after=after)
    with open_pool(pool) as work_pool:
        Sharding(work, work_pool, context.session, most=parameters.pictures_per_shard, stalled_after=after).make([todo])


def _take_stock(context: DreamContext, todo: Sequence[Piece], files: DreamFiles) -> int:
    """How many dreams are left at the deadline. What was there already is the run's too."""
    left = 0
    for first in todo:
        note_passes(context, first, "reused")
        for number in range(1, context.passes + 1):
            piece = replace(first, number=number)
            if context.tally.has_failed(piece.title):
                break  # and no later pass of it can be made
            if not context.tally.is_made(piece.title):
                left += context.passes - number + 1
                break
            if piece.title not in files.written:
                _put(context, piece, files)
    return left


def _put(context: DreamContext, piece: Piece, files: DreamFiles) -> None:
    """Write a dream into the folder; one that cannot be has failed, although the store has it."""
    title = piece.title
    record = context.session.store.record(context.tally.key_of(title))
    try:
        for output in record.outputs:
            files.put(title, piece.file, output)
    except BadInput as problem:
        context.tally.fail(title, str(problem))


def _gather_tours(context: DreamContext, tour: Sequence[Unit], files: DreamFiles) -> None:
    """A contact sheet for each picture and layer of a tour."""
    run = context.session.run.id
    layers: dict[str, list[int]] = {}
    for unit in tour:
        layers.setdefault(unit.layer, []).append(unit.index)
    for picture in context.pictures:
        for layer, indices in layers.items():
            if any(context.tally.is_made(Piece(picture, unit=Unit(layer, index)).title) for index in indices):
                made = make_tour_sheet(tour_title(layer, picture), picture, layer, indices, run, return_state=True)
                _put_extra(context, tour_title(layer, picture), tour_file(layer, picture), "sheet", made, files)


def _animate(context: DreamContext, kind: Kind | None, files: DreamFiles) -> None:
    """A film of the passes of each picture of which there are all."""
    run = context.session.run.id
    for picture in context.pictures if kind else ():
        if context.tally.is_made(Piece(picture, context.passes, context.passes).title):
            title = animation_title(picture)
            made = make_animation(title, picture, kind, run, return_state=True)
            _put_extra(context, title, picture, "animation", made, files)


def _put_extra(context: DreamContext, title: str, name: str, role: str, made: State[str], files: DreamFiles) -> None:
    try:
        files.put(title, name, context.session.store.record(key_of(made)).output(role))
    except Exception as problem:  # whatever it was stands in the task run
        context.tally.fail(title, str(problem) or type(problem).__name__)


@contextmanager
def _open_context(
    open_session: Session, parameters: DreamParameters, found: Resolved
) -> Iterator[tuple[DreamContext, list[Unit]]]:
    """Everything that the dreams share, and the units of the tour. Raises BadInput."""
    listed = listing(map(path_of, parameters.pictures), excluded=parameters.out, patterns=parameters.patterns)
    if listed.passed_over:
        say(f"passed over, as they hold no pictures: {_named(listed.passed_over)}")
    if not listed.pictures and not listed.problems:
        raise BadInput(f"there are no pictures in {few(parameters.pictures)}: name others, or a pattern that fits them")
    pictures, failures, unreadable = _sort_out(listed, parameters, open_session.store)
    stored = obtain_model(open_session, found, parameters)
    model, data = load_model(open_session.store, stored), data_of(open_session.store, stored.record)
    network = Network.of(model, settle_pixels(open_session, stored, model, parameters.pixels, data))
    context = DreamContext(
        open_session,
        network,
        parameters.settings,
        pictures,
        parameters.passes,
        parameters.zoom,
        parameters.rotation,
        guide_in(open_session, parameters.guide) if parameters.guide else None,
        parameters.mask,
        unreadable,
    )
    masked_outside = _masks_outside(context)
    context.pictures = {name: path for name, path in context.pictures.items() if name not in masked_outside}
    for name, message in (failures | masked_outside).items():
        context.tally.fail(name, message)
    tour: list[Unit] = []
    if parameters.tour:
        chosen = select_units(network.model, [parameters.tour])
        tour = [Unit(layer.name, index) for layer, indices in chosen.items() for index in indices]
    for unit in {unit.layer: unit for unit in tour}.values() if tour else (None,):
        context.dreamer(unit)  # raises what the network cannot, before any picture is touched
    with open_context(context):
        yield context, tour


def _sort_out(
    listed: PictureListing, parameters: DreamParameters, store: Store
) -> tuple[dict[str, Path], dict[str, str], Unreadable]:
    """The pictures to be dreamed of, what has failed before it was opened, and which of that cannot be read.

    A night leaves out what an earlier one has said to be unreadable.
    """
    # a link in a folder may lead anywhere
    refused = {picture.name: refusal(str(picture.path)) for picture in listed.pictures}
    failures = {problem.name: f"{problem.name} {problem.reason}" for problem in listed.problems}
    failures |= {name: f"{name} lies {why}" for name, why in refused.items() if why is not None}
    paths = {picture.name: picture.path for picture in listed.pictures}
    paths |= {problem.name: problem.path for problem in listed.problems}
    unreadable = Unreadable(paths, noted_before(store, LATEST))
    readable = [name for name, why in refused.items() if why is None]
    # what was named and is not there, as a disk that is not mounted, is no picture among others
    asked = {absolute(path_of(name)) for name in parameters.pictures}
    # nor is a folder, or what is not to be read: that is told every night
    refused_paths = {paths[name] for name, why in refused.items() if why is not None}
    inside = [name for name in failures if paths[name] not in asked | refused_paths and not paths[name].is_dir()]
    if is_passing_over():
        told = {name for name in inside if unreadable.was_told(name)}
        told |= {name for name in readable if unreadable.cannot_be_read_still(name)}
        failures = {name: message for name, message in failures.items() if name not in told}
        inside, readable = ([name for name in names if name not in told] for names in (inside, readable))
    for name in inside:
        unreadable.add(name, name)
    return {name: paths[name] for name in readable}, failures, unreadable


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more


def _masks_outside(context: DreamContext) -> dict[str, str]:
    """Pictures whose masks may not be used, and why."""
    found = {}
    for picture in context.pictures:
        with suppress(BadInput):  # a picture without one: its task run will say so
            mask = context.mask_of(picture)
            if mask is not None and (why := refusal(str(mask))) is not None:
                found[picture] = f"the mask of {picture} lies {why}"
    return found
