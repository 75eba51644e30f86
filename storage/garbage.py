"""Garbage collection: what nothing needs goes to the trash, and what has lain there long enough is deleted.

What is needed is said in `storage.collection.needs`. Whatever is younger than the grace period stays too, as somebody
may be about to use it.

In a folder no commit is under way meanwhile. On a remote store there may be many, and no lock: what is needed is looked
up again before each batch is moved, and after the last. What has come into use in between goes back, and nothing is
deleted from the trash that is needed. A collection that is killed in between leaves that to the next one.
"""

import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta

from storage.collection.moment import moment_of
from storage.collection.needs import Needs, Survey, returning, unneeded
from storage.collection.trashed import UNFINISHED, bring_back, collected_files, marker_of, read_collected
from storage.collection.writers import has_died
from storage.errors import StoreUnusable
from storage.files import Entry
from storage.index import FAILURES, reason
from storage.names import blob_path, record_path
from storage.record import Record
from storage.store import Store
from storage.trash import COLLECTED, new_trash, trash_path, trashed_at

log = logging.getLogger(__name__)

GRACE = timedelta(days=1)
BATCH = 200
"""So many files go to the trash before what is needed is looked up again."""
FORSAKEN = "it gave no sign of life for days: its process died, or its machine"
_STRANGERS_SECONDS = 3600.0
"""So old a temporary file is whose maker may live where that cannot be seen from here."""


@dataclass(frozen=True)
class Plan:
    """What garbage collection would do, or has done.

    Records (by key) and blobs (by digest) go to the trash; temporary files of killed processes and what has been in the
    trash for longer than the grace period (both by path) are deleted for good. `size` is that of all these, in bytes.
    `returning` (by path) is in the trash and needed after all, and goes back to its place.
    """

    store: Store
    grace: timedelta
    records: tuple[str, ...]
    blobs: tuple[str, ...]
    temporary: tuple[str, ...]
    expired: tuple[str, ...]
    size: int
    returning: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.records or self.blobs or self.temporary or self.expired or self.returning)


def plan(store: Store, grace: timedelta = GRACE) -> Plan:
    """What garbage collection would do now; changes nothing.

    Raises StoreError where a record, run or ref is damaged, as what it needs is then not known; and where a clock is
    wrong or has jumped, as it is then not known how old anything is.
    """
    return _plan(store, grace, _survey(store, grace))[0]


def collect(shown: Plan) -> Plan:
    """Do what a plan showed, but for what has come into use since; return what was done.

    Raises StoreError as `plan` does, and where another collection is at work on a remote store.
    """
    store, files = shown.store, shown.store.files
    with _alone(store) as check:
        survey = _survey(store, shown.grace)
        now, needs, trash = _plan(store, shown.grace, survey)
        unfinished = collected_files(trash, unfinished=True)
        for path in now.returning:
            bring_back(files, path, unfinished[path])
        for path in trash:
            if path.endswith(f"/{UNFINISHED}"):
                files.delete(path)
        done = _both(shown, now)
        removal = _Removal(store, survey, check)
        needs = removal.carry_out(done, needs)
        needed = set(returning(needs, collected_files(trash)).values())
        expired = tuple(path for path in done.expired if path not in needed)
        for path in [*done.temporary, *expired]:
            check()
            files.delete(path)
    for run in needs.forsaken:
        store.close_crashed(run, FORSAKEN)
    records = tuple(key for key in done.records if record_path(key) in removal.moved)
    blobs = tuple(digest for digest in done.blobs if blob_path(digest) in removal.moved)
    try:
        store.index.remove(records)
    except FAILURES as error:
        log.warning("the index still has what was collected (%s): run `dreamsweep reindex`", reason(error))
    return replace(done, records=records, blobs=blobs, expired=expired, returning=now.returning)


class _Removal:
    """Files on their way to the trash; what is needed is looked up again before each batch, and after the last."""

    def __init__(self, store: Store, survey: Survey, check: Callable[[], None]) -> None:
        self.moved: dict[str, str] = {}
        """Where in the trash each lies now, by the path that it had."""
        self._files = store.files
        self._survey = survey
        self._check = check
        self._records: dict[str, Record] = {}

    def carry_out(self, plan: Plan, needs: Needs) -> Needs:
        """Move what was planned, but for what is needed by now; return what is needed after that."""
        folder = new_trash(COLLECTED)
        self._records = {key: needs.records[key] for key in plan.records}
        # Records first: a process that is killed here leaves blobs without a record, never a record without its blobs.
        paths = [*map(record_path, plan.records), *map(blob_path, plan.blobs)]
        if not paths:
            return needs
        with suppress(StoreUnusable):  # on a full disk this is what makes room
            self._files.write(marker_of(folder), b"")
        try:
            for start in range(0, len(paths), BATCH):
                batch = paths[start : start + BATCH]
                if start:
                    records, blobs = unneeded(self._look_again(), self._survey.cutoff)
                    still = {*map(record_path, records), *map(blob_path, blobs)}
                    batch = [path for path in batch if path in still]
                for path in batch:
                    self._move(path, trash_path(folder, path))
        finally:
            # Also where the lease was lost: this is what makes that harmless.
            needs = self._look_again()
            self._files.delete(marker_of(folder))
        return needs

    def _move(self, path: str, place: str) -> None:
        self._check()
        try:
            self._files.move(path, place)
        except FileNotFoundError:
            log.info("%s has gone meanwhile", path)
        else:
            self.moved[path] = place

    def _look_again(self) -> Needs:
        """What is needed now; of what was moved, that goes back."""
        needs = self._survey.look(self._records)
        for path in returning(needs, self.moved):
            bring_back(self._files, path, self.moved.pop(path))
        return needs


def _survey(store: Store, grace: timedelta) -> Survey:
    moment = moment_of(store.files)
    moment.check_ages(grace.total_seconds())
    return Survey(store, moment, grace.total_seconds())


@contextmanager
def _alone(store: Store) -> Iterator[Callable[[], None]]:
    """Held while files are moved: no commit is under way in a folder, and no other collection on a remote store.

    Yields what raises StoreError once that is no longer so.
    """
    if store.files.folder is not None:
        with store.files.collecting():
            yield lambda: None
        return
    from storage.collection.lease import held_lease

    with held_lease(store.files) as lease:
        yield lease.check


def _plan(store: Store, grace: timedelta, survey: Survey) -> tuple[Plan, Needs, Collection[str]]:
    """The plan, and what it goes by: what is needed, and the paths of what lies in the trash."""
    files = store.files
    # Before the look: what goes to the trash afterwards is no business of this plan.
    trash = files.listing("trash")
    temporary = files.listing("tmp")
    unfinished = collected_files(trash, unfinished=True)
    needs = survey.look()
    if returning(needs, unfinished):  # then some of what those were made from may be in the trash as well
        needs = survey.look(read_collected(files, unfinished))
    back = returning(needs, unfinished)
    records, blobs = unneeded(needs, survey.cutoff)
    dead = {path: entry for path, entry in temporary.items() if _is_dead(path, entry, survey)}
    needed = set(returning(needs, collected_files(trash)).values())
    expired = {
        path: entry
        for path, entry in trash.items()
        if path not in needed
        and (at := trashed_at(path)) is not None
        and at <= survey.cutoff
        and not needs.may_be_written(at)
    }
    size = (
        sum(needs.entries[key].size for key in records)
        + sum(needs.blobs[digest].size for digest in blobs)
        + sum(entry.size for entry in [*dead.values(), *expired.values()])
    )
    shown = Plan(
        store,
        grace,
        tuple(records),
        tuple(blobs),
        tuple(sorted(dead)),
        tuple(sorted(expired)),
        size,
        tuple(back),
    )
    return shown, needs, trash


def _is_dead(path: str, entry: Entry, survey: Survey) -> bool:
    """Whether a temporary file is nobody's any more."""
    died = has_died(path.removeprefix("tmp/"))
    if died is None:
        return entry.modified <= min(survey.cutoff, survey.moment.now - _STRANGERS_SECONDS)
    return died and entry.modified <= survey.cutoff


def _both(one: Plan, other: Plan) -> Plan:
    """What is in two plans."""

    def both(these: Sequence[str], those: Sequence[str]) -> tuple[str, ...]:
        kept = set(those)
        return tuple(name for name in these if name in kept)

    return Plan(
        one.store,
        one.grace,
        both(one.records, other.records),
        both(one.blobs, other.blobs),
        both(one.temporary, other.temporary),
        both(one.expired, other.expired),
        min(one.size, other.size),
    )
