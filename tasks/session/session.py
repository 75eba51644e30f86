"""What the tasks of one run share: the store, what it held when the run began, and who is running."""

import functools
import json
import platform
import socket
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lib import stop
from lib.deadline import NEVER, Deadline, OutOfTime
from lib.errors import BadInput
from lib.printable import printable
from storage.clock import now
from storage.document import Json, digest_of
from storage.errors import BlobGone
from storage.mishaps.patience import in_company
from storage.names import record_path
from storage.runs import How
from storage.store import Finder, Input, Listing, NewOutput, Provenance, Recipe, Record, Run, Store
from tasks.session.damage import note_gone
from tasks.session.kind import kind_of_task
from tasks.session.open_runs import find_shared, share
from tasks.session.progress import beat, say
from tasks.session.provenance import CodeVersion, code_version, environment_bytes

if TYPE_CHECKING:
    from prefect.client.schemas.objects import FlowRun, TaskRun

STOPPED = "it was told to stop"

LARGEST_READ_AHEAD = 32 * 2**20
"""Bytes of a blob above which it is read when it is needed, and not to find out whether it is whole."""

Compute = Callable[[], tuple[Sequence[NewOutput], Sequence[Input]]]
Note = Callable[[Record, How], None]


@dataclass
class Session:
    """One open run. Any number of threads may share it; `deadline`: when it takes on no more work; `listing`: what it
    finds records by."""

    store: Store
    run: Run
    listing: Finder
    code: CodeVersion
    deadline: Deadline = NEVER
    _environments: set[str] = field(default_factory=set)
    _aside: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @functools.cached_property
    def environment(self) -> str:
        """The digest of the blob that describes this environment; stored when the first record is."""
        return self.store.put(environment_bytes())

    def pin(self, recipes: Iterable[Recipe]) -> None:
        """Keep garbage collection away from what these recipes may find, from now on."""
        pinned = [recipe.digest for recipe in recipes]
        self.run.pin(pinned)
        if not isinstance(self.listing, Listing):  # it asks when it is asked
            return
        self.listing = self.store.listing()  # what was collected before the pin must not be counted on
        if self.store.files.folder is None:  # each that is found would be a request by itself
            self.listing.read_ahead(pinned)

    def look_again(self, recipes: Iterable[str]) -> None:
        """See what other processes have stored since the store was listed, and read what they made of these recipes
        (digests) side by side."""
        self.listing = self.store.listing()
        self.listing.read_ahead(recipes)

    def tell(self, records: Iterable[Record]) -> str:
        """The digest of a file of the store with copies of some records of the store, which `learn` reads."""
        return self.store.put(json.dumps([record.to_bytes().decode() for record in records]).encode())

    def learn(self, digest: str) -> None:
        """Know of the records that another process has made, and told: that takes no listing, and one file for all.

        Raises StoreError where the file is not there, and ValueError where it says anything else.
        """
        try:
            told = [Record.from_bytes(sealed.encode()) for sealed in json.loads(self.store.get(digest))]
        except (TypeError, AttributeError) as problem:
            raise ValueError(f"blob {digest} does not tell of records: {problem}") from problem
        for record in told:
            self.listing.add(record)  # its blobs were stored before it

    def find(self, recipe: Recipe) -> Record | None:
        """The finished record of a recipe, if the store holds one that this code may use, with its blobs whole.

        One with a damaged blob is as good as none: the blob is set aside, that is said, and what asks makes it again.
        In a remote store, of which every blob would have to be fetched, they are checked when they are read.
        """
        here = self.store.files.folder is not None
        while (found := self.listing.find(recipe, changes=self.code["changes"])) is not None:
            gone = [
                output
                for output in found.outputs
                if here and output.size <= LARGEST_READ_AHEAD and not self.store.blobs.is_whole(output.digest)
            ]
            if not gone:
                if here:
                    self._keep_environment(found.provenance.environment)
                return found
            what = kind_of_task(found.task).caption_of(found)
            for output in gone:
                self.set_aside(output.digest, f"{what}: its {output.role}", "it is made again")
        return None

    def set_aside(self, digest: str, what: str, then: str = "") -> None:
        """A blob that cannot be used is taken out of the store and of the listing, and that is said, once.

        The trash keeps it. `what`: it is, in the message; `then`: what is done about it.
        """
        self.listing.drop(digest)
        with self._lock:
            if digest in self._aside:
                return
            self._aside.add(digest)
        folder = self.store.blobs.set_aside(digest)
        state = f"is damaged, and was set aside in {folder}" if folder else "is missing or damaged"
        line = "; ".join(filter(None, [f"{what} (blob {digest[:12]}) {state}", then]))
        self.run.note_damage(line)
        say(f"Warning: {line}")

    def meet(self, gone: BlobGone) -> None:
        """Set aside what somebody found damaged while reading it; whoever began the run is told, and may begin anew."""
        made = self.store.questions().producers(gone.digest)
        what = f"{kind_of_task(made[-1][0].task).caption_of(made[-1][0])}: its {made[-1][1]}" if made else "something"
        self.set_aside(gone.digest, what)
        note_gone(gone)

    def _keep_environment(self, digest: str) -> None:
        """A blob that many records name and no run reads: it is put back where it is gone, and is that of this run."""
        with self._lock:
            if digest in self._environments:
                return
            self._environments.add(digest)
        if not self.store.blobs.is_whole(digest):
            self.set_aside(digest, "the description of an environment")
            data = environment_bytes()
            if digest_of(data) == digest:
                self.store.put(data)

    def obtain(
        self,
        recipe: Recipe,
        compute: Compute,
        *,
        unit: str | None = None,
        started: str | None = None,
        note: Note | None = None,
    ) -> tuple[Record, bool]:
        """The record of a recipe, and whether it was there already: if not, it is computed and committed.

        Args:
            compute: gives the outputs, and the blobs that were read.
            unit: what the run calls it; by default the task's name.
            started: ISO 8601 in UTC, where the work began before this call.
            note: tells the run what there is now, where that is not just the record under its name.
        """
        note = note or functools.partial(self.run.add, unit or recipe.task)
        found = self.find(recipe)
        if found is not None:
            note(found, "computed" if self.run.has_made(found) else "reused")
            # What was not pinned may have been collected until the run had said that it needs it.
            if self.run.has_pinned(recipe.digest) or self.store.files.exists(record_path(found.key)):
                return found, True
        started = started or now()
        outputs, inputs = compute()
        record = self.store.commit(recipe, outputs, inputs=inputs, provenance=self._provenance(), started=started)
        self.listing.add(record)
        note(record, "computed")
        return record, False

    def close_stopped(self) -> None:
        """Note that the run was told to stop: what it finished is kept, and another goes on with the rest."""
        self.run.close("interrupted", {"error": STOPPED})

    def _provenance(self) -> Provenance:
        flow_run, task = flow_run_here(), _task_run_here()
        return Provenance(
            run=self.run.id,
            flow_run=str(task.flow_run_id) if task else (str(flow_run.id) if flow_run else None),
            task_run=str(task.id) if task else None,
            attempt=task.run_count if task else (flow_run.run_count if flow_run else 1),
            code=dict(self.code),
            environment=self.environment,
            host=socket.gethostname() or platform.node(),
        )


@contextmanager
def session(place: str, flow: str, parameters: Mapping[str, Json], deadline: Deadline = NEVER) -> Iterator[Session]:
    """A run in the store at `place`, open while inside; tasks find it under its id.

    Where the inside raises, the run is closed as failed; as partial where it was out of time, and as interrupted where
    it was told to stop. Bad input noticed before anything was made leaves no run.
    """
    with in_company(say, beat):
        yield from _session(place, flow, parameters, deadline)


def _session(place: str, flow: str, parameters: Mapping[str, Json], deadline: Deadline) -> Iterator[Session]:
    store, code = Store.open(place), code_version()
    flow_run = flow_run_here()
    run = store.open_run(flow, parameters, flow_run=str(flow_run.id) if flow_run else None)
    try:  # from here on: whoever is told to stop while the store is listed closes the run as well
        opened = Session(store, run, store.listing(), code, deadline)
        with share(run.id, opened):
            yield opened
    except BadInput as problem:
        closed = run.close("failed", {"error": str(problem)})
        if not any(unit.how == "computed" for unit in closed.units.values()):
            store.delete_run(run.id)  # a mistyped name is no run that anybody wants to see
        raise
    except OutOfTime as late:
        run.close("partial", {"left": str(late)})
        raise
    except BlobGone as gone:
        opened.meet(gone)
        run.close("failed", {"error": str(gone)})
        raise
    except BaseException as problem:
        # No Exception: Ctrl-C, or Prefect's signal of a cancellation, which may be here before stop is told of it.
        if stop.is_told() or not isinstance(problem, Exception):
            run.close("interrupted", {"error": STOPPED})
            raise
        run.close("failed", {"error": printable(problem) or type(problem).__name__})
        raise


@contextmanager
def joined_session(place: str, run: str, code: CodeVersion, deadline: Deadline = NEVER) -> Iterator[Session]:
    """A run that another process has open in the store at `place`: what is made here is made in its name.

    Tasks find the session under the run's id. `code`: the version that the other process runs, which must be of the
    same sources; it may know of a commit where this one has no git to ask. Raises StoreError where the store has no
    such run.
    """
    with in_company(say, beat):
        store = Store.open(place, create=False)
        joined = store.join_run(run)
        with share(run, Session(store, joined, store.lookup(), code, deadline)) as opened:
            yield opened


def session_of(run: str) -> Session:
    """The session of an open run. Raises RuntimeError in a process that did not open it."""
    return find_shared(run, Session)


def flow_run_here() -> "FlowRun | None":
    """The flow run that is under way in this thread, if there is one. Prefect is not imported to find that out."""
    if "prefect.context" not in sys.modules:
        return None
    from prefect.context import FlowRunContext

    found = FlowRunContext.get()
    return found.flow_run if found else None


def _task_run_here() -> "TaskRun | None":
    if "prefect.context" not in sys.modules:
        return None
    from prefect.context import TaskRunContext

    found = TaskRunContext.get()
    return found.task_run if found else None
