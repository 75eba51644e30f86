"""Writers, garbage collection, `verify` and `reindex` at once on one store, and whether something was lost."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

from storage import garbage
from storage.names import record_path
from storage.recipe import Recipe
from storage.record import Input, NewOutput, Provenance, Record
from storage.runs import Run
from storage.store import Store
from storage.verify import verify

WRITERS = 3
SHARED = 8
"""So many recipes, and pictures, are everybody's."""


class AtOnce:
    """Each has the store open for itself, as other processes and machines would."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.done: Counter[str] = Counter()
        self.errors: list[BaseException] = []
        self.kept: list[str] = []
        """Runs that were completed, and not deleted."""
        self._ended = threading.Event()

    def go(self, seconds: float) -> None:
        """All of them, for so long."""
        works: list[Callable[[Store], None]] = [_collect, _verify, _reindex]
        works += [_Writer(seed, self).write for seed in range(WRITERS)]
        threads = [threading.Thread(target=self._repeat, args=(work,)) for work in works]
        for thread in threads:
            thread.start()
        self._ended.wait(seconds)
        self._ended.set()
        for thread in threads:
            thread.join()

    def check(self) -> None:
        """Raises what somebody's work ended with, and AssertionError where something is lost."""
        for error in self.errors:
            raise error
        store = Store.open(self.root)
        report = verify(store)
        assert report.clean, report
        for run in self.kept:
            for result in store.run(run).units.values():
                for output in store.record(result.record).outputs:
                    assert len(store.get(output.digest)) == output.size
        assert store.reindex() == len(list(store.records()))

    def _repeat(self, work: Callable[[Store], None]) -> None:
        store = Store.open(self.root)
        while not self._ended.is_set():
            try:
                work(store)
            except BaseException as error:
                self.errors.append(error)
                self._ended.set()
            self.done[work.__name__] += 1


def _collect(store: Store) -> None:
    garbage.collect(garbage.plan(store, timedelta(0)))


def _verify(store: Store) -> None:
    report = verify(store)
    assert report.clean, report


def _reindex(store: Store) -> None:
    store.reindex()
    time.sleep(0.05)


class _Writer:
    """One run after the other, each as a session has it: it looks up, and computes what is not there."""

    def __init__(self, seed: int, all_of_them: AtOnce) -> None:
        self._chance = random.Random(seed)
        self._all = all_of_them
        self._mine: list[str] = []

    def write(self, store: Store) -> None:
        chance = self._chance
        run = store.open_run("sweep", {})
        listing = store.listing()
        if chance.random() < 0.5:
            run.pin(_recipe(number).digest for number in range(SHARED))
            listing = store.listing()
        environment = store.put(b'{"python":"3.11"}')
        before: Record | None = None
        for unit in range(4):
            recipe = _recipe(chance.randrange(SHARED) if chance.random() < 0.5 else chance.randrange(1 << 60))
            before = self._reuse(store, run, recipe, listing.find(recipe, changes=None), unit) or store.commit(
                recipe,
                [
                    NewOutput("oips", recipe.digest.encode(), "oips", "application/x-npy"),
                    NewOutput("picture", b"black" * chance.randrange(1, SHARED), "picture", "image/png"),
                ],
                inputs=[Input("oips", before.output("oips").digest)] if before else [],
                provenance=Provenance(
                    run.id, None, None, 1, {"commit": "c0ffee", "changes": None}, environment, "here"
                ),
                started="2026-11-22T10:15:30+00:00",
            )
            run.add(f"Conv2D_2/{unit}", before, "computed")
        if chance.random() < 0.3:
            store.set_ref(f"sweep/{chance.randrange(3)}", f"run:{run.id}")
        run.close("completed", {})
        self._all.kept.append(run.id)
        self._mine.append(run.id)
        if len(self._mine) > 3:
            self._delete(store, self._mine.pop(chance.randrange(3)))

    def _reuse(self, store: Store, run: Run, recipe: Recipe, found: Record | None, unit: int) -> Record | None:
        if found is None:
            return None
        run.add(f"Conv2D_2/{unit}", found, "reused")
        there = run.has_pinned(recipe.digest) or store.files.exists(record_path(found.key))
        self._all.done["reused" if there else "gone"] += 1
        return found if there else None

    def _delete(self, store: Store, run: str) -> None:
        if f"run:{run}" not in store.refs().values():
            self._all.kept.remove(run)
            store.delete_run(run)


def _recipe(number: int) -> Recipe:
    return Recipe("oip", 1, {"number": number}, {})
