"""What a store holds, read once for all pages: networks, their layers and units, sweeps, dreams and lineage."""

import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from lib.gallery.addresses import run_page
from storage.record import Record
from storage.runs import RunRecord
from storage.store import Store
from tasks.gallery.reading.analysed import Analysis, analysis_of, can_be_shown
from tasks.gallery.reading.dreamed import DreamRun, dream_runs
from tasks.gallery.reading.natural import DataSet
from tasks.gallery.reading.networks import StoredNetwork, find_networks
from tasks.gallery.reading.remembered import ReadUnit, Remembered
from tasks.gallery.reading.swept import Grown, StoredSweep, UnitState, find_sweeps, units_of
from tasks.model.checkpoints import checkpoint_name
from tasks.model.kinds.data import KIND as DATA
from tasks.model.kinds.epoch import KIND as EPOCH
from tasks.model.kinds.model import KIND as MODEL
from tasks.session.kind import artifact_kinds
from tasks.sweep.kinds.oip import KIND as OIP

DREAMS = "dream"
RUNS_SHOWN = 100
"""Runs, the latest, that have a page; the picture server makes those of earlier ones when they are asked for."""
_AT_ONCE = 200  # records of OIPs that are read together, and held until others are


class Reader(NamedTuple):
    """A record that read a blob, or made it, and as what."""

    key: str
    role: str


@dataclass(frozen=True)
class StoredEpoch:
    """One checkpoint of a network's training. `identity` is the checkpoint's, as a sweep of it names it."""

    number: int
    identity: str
    record: Record


class Catalogue:
    """One scan of a store.

    `networks`: the newest first. `sweeps`: of all networks and checkpoints, the oldest first. `runs`: every run by its
    id, the oldest first. `records`: by key, in the order in which they were made, of every task but `oip`: of these,
    which are many, `grown` holds what pages list, and `record` reads one whole.

    `remembered`: what an earlier one has read of these.
    """

    def __init__(self, store: Store, remembered: Remembered | None = None) -> None:
        self.store = store
        self.runs: dict[str, RunRecord] = {run.id: run for run in store.runs()}
        self.records: dict[str, Record] = {}
        self.grown: dict[str, Grown] = {}
        self._producers: dict[str, list[Reader]] = defaultdict(list)
        self._consumers: dict[str, list[Reader]] = defaultdict(list)
        self._data_sets: dict[str, DataSet | None] = {}
        self._ahead: dict[str, Record] = {}
        self._index = store.questions()
        self._scan(Remembered() if remembered is None else remembered)
        self.networks: list[StoredNetwork] = find_networks(store, self.records, self.grown.values())
        self.sweeps: list[StoredSweep] = find_sweeps(self.runs.values(), self.grown, self._identities)
        self._units = units_of(self.grown, self.sweeps)

    def _scan(self, remembered: Remembered) -> None:
        """Read what is not remembered, and enter everything in the order in which it was made."""
        settings: dict[str, Mapping[str, Any]] = {}
        entries = self._index.entries()
        for start in range(0, len(entries), _AT_ONCE):
            some = entries[start : start + _AT_ONCE]
            known = {one.key: remembered.unit(one) for one in some if one.task == OIP.task}
            read = self._index.records_of([one.key for one in some if known.get(one.key) is None])
            for entry in some:
                key = sys.intern(entry.key)  # runs and results name it too
                unit = known.get(key)
                record = read.get(key)
                if unit is None and record is not None and record.task == OIP.task:
                    unit = ReadUnit.of(record, settings)
                    remembered.keep(entry, unit)
                if unit is not None:
                    self._enter(key, unit.outputs, unit.inputs)
                    self.grown[key] = unit.grown
                elif record is not None:  # else it has gone since
                    outputs = [(output.role, output.digest) for output in record.outputs]
                    self._enter(key, outputs, [(item.role, item.digest) for item in record.inputs])
                    self.records[key] = record

    def _enter(self, key: str, outputs: Iterable[tuple[str, str]], inputs: Iterable[tuple[str, str]]) -> None:
        for role, digest in outputs:
            self._producers[digest].append(Reader(key, role))
        for role, digest in inputs:
            self._consumers[digest].append(Reader(key, role))

    def record(self, key: str, others: Iterable[str] = ()) -> Record:
        """The whole record of this key. Raises StoreError where there is none any more.

        `others`: records of OIPs that will be asked for next, read with it: all at once take a fifth of each by itself.
        """
        if (known := self.records.get(key) or self._ahead.get(key)) is not None:
            return known
        self._ahead = self._index.records_of([key, *others])
        return self._ahead.get(key) or self.store.record(key)

    def network(self, identity: str) -> StoredNetwork | None:
        """The network of this identity."""
        return self._by_identity.get(identity)

    def units(self, identity: str) -> Mapping[str, Mapping[int, UnitState]]:
        """What is known of the units of a network, or of a checkpoint, that was swept: by layer and index."""
        return self._units.get(identity, {})

    def sweeps_of(self, identity: str) -> list[StoredSweep]:
        """The sweeps of a network or a checkpoint, the oldest first."""
        return [sweep for sweep in self.sweeps if sweep.identity == identity]

    @cached_property
    def sweeps_by_run(self) -> dict[str, StoredSweep]:
        """The sweeps, by the ids of their runs."""
        return {sweep.run.id: sweep for sweep in self.sweeps}

    @cached_property
    def latest_runs(self) -> list[RunRecord]:
        """The runs that the gallery lists, the newest first."""
        return list(self.runs.values())[: -RUNS_SHOWN - 1 : -1]

    @cached_property
    def run_addresses(self) -> dict[str, str]:
        """The pages of runs, by their ids, the newest first: of those that are listed and have ended."""
        return {run.id: run_page(run.id) for run in self.latest_runs if run.state != "open"}

    def of_task(self, task: str, identity: str | None = None) -> list[Record]:
        """The records of a task, the oldest first; of one network's where its identity is given."""
        found = self._by_task.get(task, [])
        return [record for record in found if identity is None or record.recipe_inputs.get("model") == identity]

    def of_layer(self, task: str, identity: str, layer: str) -> list[Record]:
        """The records of a task that has one a layer, as "exemplars", the oldest first."""
        return self._by_layer.get((task, identity, layer), [])

    def dream_runs(self) -> list[RunRecord]:
        """The runs that dreamed, the oldest first."""
        return [run for run in self.runs.values() if run.flow == DREAMS]

    @cached_property
    def dreams(self) -> list[DreamRun]:
        """What dream flows made, the newest first."""
        return dream_runs(self.dream_runs(), self.record)

    @cached_property
    def dream_addresses(self) -> dict[str, str]:
        """Where a dream, or the sheet of a tour, is shown, by the key of its record; a pass is where its dream is."""
        found: dict[str, str] = {}
        for run in self.dreams:
            for dream in run.dreams:
                found |= {record.key: dream.address for record in dream.passes}
            found |= {tour.record.key: tour.address for tour in run.tours}
        return found

    @cached_property
    def analyses(self) -> dict[str, Analysis]:
        """What was found out about networks and checkpoints, by identity.

        A network of which only checkpoints were analysed has one too, which leads to theirs.
        """
        kept: dict[str, list[Record]] = defaultdict(list)
        for kind in artifact_kinds().values():
            for record in self.of_task(kind.task) if kind.counted == "result" else ():
                kept[record.recipe_inputs.get("model", "")].append(record)

        def analysis(identity: str, folder: str, title: str, model: str) -> Analysis:
            shown = [record for record in kept.get(identity, ()) if can_be_shown(self.store, record)]
            return analysis_of(folder, title, model, shown)

        found: dict[str, Analysis] = {}
        looked_at = {
            network.identity: [epoch for epoch in self.epochs(network) if epoch.identity in kept]
            for network in self.networks
        }
        for network in self.networks:
            if network.identity in kept or looked_at[network.identity]:
                folder = f"analysis/{network.slug}"
                found[network.identity] = analysis(network.identity, folder, network.title, network.name)
        for network in self.networks:
            for epoch in looked_at[network.identity]:
                if epoch.identity not in found:  # else it is a network of its own, or of another training too
                    folder = f"{found[network.identity].folder}/epoch-{epoch.number}"
                    title = f"{network.title}, epoch {epoch.number}"
                    name = checkpoint_name(network.name, epoch.number)
                    found[epoch.identity] = analysis(epoch.identity, folder, title, name)
        return found

    def epochs(self, network: StoredNetwork) -> list[StoredEpoch]:
        """The checkpoints of a network that was trained here, by number; empty where it was registered."""
        if network.record is None or network.record.task != MODEL.task:
            return []
        return self._epochs.get(_training(network.record), [])

    def data_of(self, train_imgs: str | None) -> DataSet | None:
        """The data set whose training images are this blob."""
        for reader in self.producers(train_imgs) if train_imgs else ():
            if (found := self.data_set(reader.key)) is not None:
                return found
        return None

    def data_set(self, key: str) -> DataSet | None:
        """The data set of a record's key; the same one for every page, so that its images are read once."""
        if key not in self._data_sets:
            record = self.records.get(key)
            self._data_sets[key] = DataSet(self.store, record) if record and record.task == DATA.task else None
        return self._data_sets[key]

    def producers(self, digest: str) -> list[Reader]:
        """The records that made a blob, and as which output; the oldest first."""
        return self._producers.get(digest, [])

    def consumers(self, digest: str) -> list[Reader]:
        """The records that read a blob, and as what; the oldest first."""
        return self._consumers.get(digest, [])

    @cached_property
    def _by_identity(self) -> dict[str, StoredNetwork]:
        return {network.identity: network for network in self.networks}

    @cached_property
    def _identities(self) -> dict[str, str]:
        """The identity of a model by its names: its ref, and the beginning of its blob's digest."""
        found = {}
        for network in self.networks:
            for name in network.names:
                found[name] = network.identity
        return found

    @cached_property
    def _by_task(self) -> dict[str, list[Record]]:
        found = defaultdict(list)
        for record in self.records.values():
            found[record.task].append(record)
        return dict(found)

    @cached_property
    def _by_layer(self) -> dict[tuple[str, str, str], list[Record]]:
        found = defaultdict(list)
        for record in self.records.values():
            layer, identity = record.parameters.get("layer"), record.recipe_inputs.get("model")
            if isinstance(layer, str) and identity is not None:
                found[record.task, identity, layer].append(record)
        return dict(found)

    @cached_property
    def _epochs(self) -> dict[str, list[StoredEpoch]]:
        # of several executions of one epoch the latest
        found: dict[str, dict[int, StoredEpoch]] = defaultdict(dict)
        for record in self._by_task.get(EPOCH.task, []):
            identity = record.output("checkpoint").identity
            number: Any = record.parameters["epoch"]
            if identity is not None:
                found[_training(record)][number] = StoredEpoch(number, identity, record)
        return {key: [epochs[number] for number in sorted(epochs)] for key, epochs in found.items()}


def _training(record: Record) -> str:
    """What a model and the epochs of its training have in common: settings and data."""
    settings = {name: value for name, value in record.parameters.items() if name != "epoch"}
    return json.dumps([settings, record.recipe_inputs], sort_keys=True)
