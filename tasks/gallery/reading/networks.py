"""The networks of a store, and the layers that each has."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from lib.errors import BadInput
from lib.gallery.addresses import segment
from lib.gallery.layers import LayerBox, layers_of
from lib.network import model_file
from lib.network.pixels import Pixels
from storage.errors import StoreError
from storage.record import Record
from storage.refs import FORMER
from storage.store import Store
from tasks.model.layers import LayerTable, stored_table
from tasks.model.stored import LATEST, PREFIX, StoredModel

if TYPE_CHECKING:
    from tasks.gallery.reading.swept import Grown


@dataclass(frozen=True)
class StoredNetwork:
    """A model of the store.

    `slug`: the segment of its pages' addresses, as mnist-57b7b5ae. `names`: every name that runs have for it. `layers`:
    in the network's order, nested models opened; empty where its file cannot be read any more. `record`: what made it;
    None where only what was made with it is left. `table`: its layers as Keras has them, where that is stored.
    """

    identity: str
    slug: str
    names: tuple[str, ...]
    when: str
    record: Record | None
    layers: tuple[LayerBox, ...] = field(default=())
    table: LayerTable | None = None

    @property
    def name(self) -> str:
        """What commands call it."""
        return self.names[0]

    @property
    def title(self) -> str:
        """What people call it."""
        return self.name.removeprefix(PREFIX)

    @cached_property
    def pixels(self) -> Pixels | None:
        """What it takes; None where nobody has said it."""
        return None if self.record is None else StoredModel(self.record, self.name).pixels

    def wrong_pixels(self, pixels: Pixels) -> str | None:
        """What is to be said of something that was made as if it took these; None where it does, or nobody knows."""
        takes = self.pixels
        if takes is None or str(takes) == str(pixels):
            return None
        return f"Made with the wrong pixels: as if the network took {pixels}. It takes {takes}."


def find_networks(store: Store, records: Mapping[str, Record], grown: "Collection[Grown]") -> list[StoredNetwork]:
    """The models that have a name, and those that something was grown with and that still have a record; newest first.

    Checkpoints of a training are none, unless they are the same as its model.
    """
    refs: dict[str, list[str]] = {}
    former: dict[str, list[str]] = {}
    for name, target in store.refs().items():
        if name.startswith(PREFIX) and name != LATEST:
            refs.setdefault(target.removeprefix("record:"), []).append(name)
        elif name.startswith(FORMER):
            former.setdefault(target.removeprefix("record:"), []).append(name.removeprefix(FORMER))
    models: dict[str, list[Record]] = {}
    for record in records.values():
        identity = next((output.identity for output in record.outputs if output.role == "model"), None)
        if identity is not None:
            models.setdefault(identity, []).append(record)
    used = {one.identity for one in grown}
    found = []
    for identity, made in models.items():
        named = [name for record in made for name in sorted(refs.get(record.key, ()))]
        if named or identity in used:
            # of several executions the one that a name points at, else the latest
            record = next((one for one in reversed(made) if one.key in refs), made[-1])
            before = sorted({name for one in made for name in former.get(one.key, ())})
            names = (*named, *(one.output("model").digest[:12] for one in made), *before)
            found.append(
                StoredNetwork(
                    identity,
                    _slug(_first(names[0], before), identity),
                    names,
                    record.ended,
                    record,
                    _layers(store, record),
                    stored_table(store, record),
                )
            )
    return sorted(found, key=lambda network: (network.when, network.slug), reverse=True)


def _first(name: str, former: Sequence[str]) -> str:
    """The name by which the addresses of a network's pages go: they stay when it is renamed."""
    return next(iter(former), name)


def _slug(name: str, identity: str) -> str:
    """Always ends in the identity's beginning, so that it clashes with no other folder of the gallery."""
    label = name.removeprefix(PREFIX)
    return segment(label if label.endswith(f"-{identity[:8]}") else f"{label}-{identity[:8]}")


def _layers(store: Store, record: Record) -> tuple[LayerBox, ...]:
    try:
        config = model_file.config_of(store.get(record.output("model").digest), name="the model")
    except (BadInput, StoreError):  # its file is gone or damaged: its pages show what there is of it
        return ()
    return tuple(layers_of(config))
