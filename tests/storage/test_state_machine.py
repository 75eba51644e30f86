"""Hypothesis drives a store and a plain model of it with the same steps; they must always agree."""

import secrets
import tempfile
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from storage import garbage, lineage
from storage.checks import followed
from storage.document import digest_of
from storage.errors import BlobCorrupt, BlobMissing, StoreError
from storage.names import blob_path
from storage.recipe import Recipe
from storage.record import Input, NewOutput, Provenance, Record
from storage.store import Store
from storage.verify import verify

NUMBERS = range(3)
DATA = [b"", b"black", b"grey", b"white"]
CHANGES = [None, "d" * 64]
SOME_NUMBER, SOME_DATA, SOME_CHANGES = st.sampled_from(NUMBERS), st.sampled_from(DATA), st.sampled_from(CHANGES)
ENVIRONMENT = b'{"python":"3.11"}'
NAMES = st.sampled_from(["model/mnist", "tonight", "model"])


class StoreMachine(RuleBasedStateMachine):
    """The model: blobs by digest (None where damaged), records, refs, runs and pins, in plain dictionaries."""

    records = Bundle("records")
    runs = Bundle("runs")

    def make_root(self) -> str:
        raise NotImplementedError

    @initialize()
    def open(self) -> None:
        self.outside = tempfile.TemporaryDirectory()
        self.store = Store.open(self.make_root())
        self.blobs: dict[str, bytes | None] = {}
        self.recorded: dict[str, Record] = {}
        self.refs: dict[str, str] = {}
        self.units: dict[str, dict[str, str]] = {}
        self.open_runs: dict[str, Any] = {}
        self.pins: dict[str, set[str]] = {}
        self.unnamed: set[str] = set()
        """What was written since a record was committed that names it."""

    def put(self, data: bytes) -> str:
        digest = self.store.put(data)
        assert digest == digest_of(data)
        self.blobs[digest] = data
        self.unnamed.add(digest)
        return digest

    @rule(data=SOME_DATA)
    def put_bytes(self, data: bytes) -> None:
        self.put(data)

    @rule(
        target=records,
        number=SOME_NUMBER,
        data=SOME_DATA,
        picture=SOME_DATA,
        read=SOME_DATA,
        changes=SOME_CHANGES,
        from_file=st.booleans(),
    )
    def commit(
        self, number: int, data: bytes, picture: bytes, read: bytes, changes: str | None, from_file: bool
    ) -> str:
        environment = self.put(ENVIRONMENT)
        file = Path(self.outside.name) / "oips.npy"
        file.write_bytes(data)
        record = self.store.commit(
            Recipe("oip", 1, {"number": number}, {}),
            [
                NewOutput(
                    "oips",
                    file if from_file else data,
                    "oips",
                    "application/x-npy",
                    attributes={"unit": f"Conv2D_1/{number}"},
                ),
                NewOutput("picture", picture, "picture", "image/png"),
            ],
            inputs=[Input("checkpoint", digest_of(read))],
            provenance=Provenance(None, None, None, 1, {"commit": "c", "changes": changes}, environment, "here"),
            started="2026-11-22T10:15:30+00:00",
        )
        self.blobs[digest_of(data)], self.blobs[digest_of(picture)] = data, picture
        self.recorded[record.key] = record
        self.unnamed -= record.named_blobs()
        return record.key

    @invariant()
    def every_look_up_agrees(self) -> None:
        listing, lookup = self.store.listing(), self.store.lookup()
        for number, changes in product(NUMBERS, CHANGES):
            recipe = Recipe("oip", 1, {"number": number}, {})
            whole = [
                record
                for record in self.recorded.values()
                if record.recipe == recipe.digest
                and record.changes == changes
                # A damaged blob has its old size here, so the listing cannot tell.
                and all(output.digest in self.blobs for output in record.outputs)
            ]
            first = min(whole, key=lambda record: (record.ended, record.execution), default=None)
            assert listing.find(recipe, changes=changes) == first
            assert lookup.find(recipe, changes=changes) == first

    @invariant()
    def every_blob_reads_as_it_was_put_or_not_at_all(self) -> None:
        for data in DATA:
            self.read(digest_of(data))

    def read(self, digest: str) -> None:
        try:
            expected = self.blobs[digest]
        except KeyError:
            with pytest.raises(BlobMissing):
                self.store.get(digest)
        else:
            if expected is None:
                with pytest.raises(BlobCorrupt):
                    self.store.get(digest)
            else:
                assert self.store.get(digest) == expected
                assert self.store.path(digest).read_bytes() == expected

    @rule(data=SOME_DATA)
    def damage(self, data: bytes) -> None:
        digest = digest_of(data)
        if data and digest in self.blobs:
            self.store.files.write(blob_path(digest), data[:-1] + b"!")
            self.blobs[digest] = None
            self.unnamed.add(digest)

    @rule(data=SOME_DATA)
    def lose(self, data: bytes) -> None:
        self.store.files.delete(blob_path(digest_of(data)))
        self.blobs.pop(digest_of(data), None)

    @rule(name=NAMES, key=records)
    def point(self, name: str, key: str) -> None:
        if key in self.recorded:
            self.store.set_ref(name, f"record:{key}")
            self.refs[name] = f"record:{key}"
        else:
            with pytest.raises(StoreError):
                self.store.set_ref(name, f"record:{key}")

    @rule(name=NAMES)
    def forget(self, name: str) -> None:
        if name in self.refs:
            self.store.delete_ref(name)
            del self.refs[name]
        else:
            with pytest.raises(StoreError):
                self.store.delete_ref(name)

    @rule(target=runs, number=SOME_NUMBER)
    def open_run(self, number: int) -> str:
        pins = [Recipe("oip", 1, {"number": number}, {}).digest]
        run = self.store.open_run("sweep", {"number": number}, pins)
        self.open_runs[run.id], self.units[run.id], self.pins[run.id] = run, {}, set(pins)
        return run.id

    @rule(run=runs, key=records, number=SOME_NUMBER)
    def add_to_run(self, run: str, key: str, number: int) -> None:
        if run in self.open_runs and key in self.recorded:
            self.open_runs[run].add(f"Conv2D_1/{number}", self.recorded[key], "reused")
            # Its record is written now and then, and when it is closed: the model writes at once, with a pin.
            self.open_runs[run].pin([])
            self.units[run][f"Conv2D_1/{number}"] = key

    @rule(run=runs)
    def close_run(self, run: str) -> None:
        if run in self.open_runs:
            self.open_runs.pop(run).close("completed", {})
            self.pins[run] = set()

    @rule(run=consumes(runs))
    def delete_run(self, run: str) -> None:
        self.store.delete_run(run)
        self.open_runs.pop(run, None)
        del self.units[run], self.pins[run]

    @rule()
    def check(self) -> None:
        named = {digest for record in self.recorded.values() for digest in record.named_blobs()}
        needed = named - {CHANGES[1]}  # what says which code it was need not be in the store
        damaged = sorted(digest for digest, data in self.blobs.items() if data is None)
        whole = set(self.blobs) - set(damaged)
        made_again = {
            record.recipe
            for record in self.recorded.values()
            if all(output.digest in whole for output in record.outputs)
        }

        def is_lost(digest: str) -> bool:
            makers = {
                record.recipe
                for record in self.recorded.values()
                if digest in {output.digest for output in record.outputs}
            }
            return not makers or bool(makers - made_again)

        report = verify(self.store)
        assert report.checked == len(self.blobs)
        assert report.corrupt == damaged
        assert report.missing == sorted(filter(is_lost, needed - set(self.blobs)))
        assert report.orphans == len(whole - named)
        for digest in damaged:
            del self.blobs[digest]

    @rule()
    def collect(self) -> None:
        roots = {target.removeprefix("record:") for target in self.refs.values()}
        roots |= {key for units in self.units.values() for key in units.values()}
        pinned = set().union(*self.pins.values())
        roots |= {key for key, record in self.recorded.items() if record.recipe in pinned}
        live = roots & set(self.recorded)
        while True:
            read = {item.digest for key in live for item in self.recorded[key].inputs}
            more = {
                key
                for key, record in self.recorded.items()
                if key not in live and any(output.digest in read for output in record.outputs)
            }
            if not more:
                break
            live |= more
        named = {digest for key in live for digest in self.recorded[key].named_blobs()}
        garbage.collect(garbage.plan(self.store, timedelta(0)))
        self.recorded = {key: record for key, record in self.recorded.items() if key in live}
        left = {path.rpartition("/")[2] for path in self.store.files.listing("blobs")}
        assert {digest for digest in self.blobs if digest in named} <= left
        # An open run may be about to name it. (Files written within a tick of the clock count as written at once.)
        assert left - named <= (self.unnamed if self.open_runs else set())
        self.blobs = {digest: data for digest, data in self.blobs.items() if digest in left}

    @rule(rows=st.booleans())
    def lose_index(self, rows: bool) -> None:
        if rows:
            self.store.index.remove(list(self.recorded)[::2])
        else:
            (self.store.files.local / "index.sqlite").unlink(missing_ok=True)

    @rule()
    def reindex(self) -> None:
        assert self.store.reindex() == len(self.recorded)
        assert self.store.index.keys() == set(self.recorded)

    @rule(data=SOME_DATA)
    def ask_what_depends_on(self, data: bytes) -> None:
        digest = digest_of(data)
        readers = {node.record.key for node in lineage.down(self.store, digest) if node.record}
        assert readers == {key for key, record in self.recorded.items() if record.inputs[0].digest == digest}
        makers = {(node.record.key, node.output) for node in lineage.up(self.store, digest) if node.record}
        assert makers == {
            (key, output.role)
            for key, record in self.recorded.items()
            for output in record.outputs
            if output.digest == digest
        }

    @invariant()
    def records_refs_and_runs_agree(self) -> None:
        assert {record.key: record for record in self.store.records()} == self.recorded
        assert self.store.refs() == self.refs
        assert {run.id: {u: r.record for u, r in run.units.items()} for run in self.store.runs()} == self.units
        listed = self.store.files.listing("blobs")
        assert {path.rpartition("/")[2] for path in listed} == set(self.blobs)
        assert not self.store.files.listing("tmp")

    def teardown(self) -> None:
        if hasattr(self, "outside"):
            self.outside.cleanup()


class FolderMachine(StoreMachine):
    """In a folder."""

    def make_root(self) -> str:
        self.folder = tempfile.TemporaryDirectory()
        return str(Path(self.folder.name) / "store")

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            self.store.index.close()
            self.folder.cleanup()
        super().teardown()


class MemoryMachine(StoreMachine):
    """In fsspec's memory, where verify waits for no collection: none is under way."""

    def make_root(self) -> str:
        self.patience = pytest.MonkeyPatch()
        self.patience.setattr(followed, "PATIENCE", 0.0)
        return f"memory://{secrets.token_hex(8)}/store"

    def teardown(self) -> None:
        if hasattr(self, "patience"):
            self.patience.undo()
        super().teardown()


EFFORT = {"deadline": None, "suppress_health_check": list(HealthCheck)}

TestFolder = pytest.mark.heavy(FolderMachine.TestCase)
TestFolder.settings = settings(max_examples=10, stateful_step_count=25, **EFFORT)
TestMemory = pytest.mark.heavy(MemoryMachine.TestCase)
TestMemory.settings = settings(max_examples=40, stateful_step_count=30, **EFFORT)
