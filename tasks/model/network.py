"""A model and its data set, as a run has them open."""

from dataclasses import dataclass
from functools import cached_property

from lib.arrays import Floats, Integers
from lib.network import model_file
from lib.network.adapt import adapt
from lib.network.keras_model import KerasModel
from lib.network.pixels import PLAIN, Pixels
from storage.store import Record, Store
from tasks.model.data import DataParameters
from tasks.model.stored import StoredModel
from tasks.session.attributes import read_as
from tasks.session.progress import wait_for


@dataclass(frozen=True)
class Network:
    """A model and what is known of it: its name (a ref), its blob and its identity.

    Attributes:
        saved: the model as it was saved.
        pixels: what that takes.
    """

    saved: KerasModel
    name: str
    digest: str
    identity: str
    pixels: Pixels = PLAIN

    @cached_property
    def model(self) -> KerasModel:
        """The same layers and weights, but taking pictures within 0..1: all is computed with it, unless it says
        otherwise. Raises BadInput for pixels of another number of channels."""
        return adapt(self.saved, self.pixels)

    @classmethod
    def of(cls, saved: KerasModel, stored: StoredModel) -> "Network":
        """A model of the store that is loaded. Raises as `model`."""
        network = cls(saved, stored.name, stored.digest, stored.identity, stored.pixels or PLAIN)
        assert network.model is not None  # what cannot be is said now, and not to some thread
        return network


def load_model(store: Store, stored: StoredModel) -> KerasModel:
    """A model of the store, as it was saved. Raises BadInput for one that cannot be loaded, and StoreError where it is
    not there."""
    return wait_for(f"loading {stored.name}", model_file.load, store.get(stored.digest), name=stored.name)


@dataclass(frozen=True)
class Labels:
    """Which of `classes` each training image is of, [N] from 0, and the digest of their blob."""

    numbers: Integers
    digest: str
    classes: tuple[str, ...]


@dataclass(frozen=True)
class Natural:
    """The data set's training images [N, H, W, C], and the digest of their blob; their labels, where there are any."""

    name: str
    images: Floats
    digest: str
    labels: Labels | None = None


def natural_of(store: Store, data: Record) -> Natural:
    """The training images of a data set's record and their labels, memory-mapped; none without classes."""
    images, labels = data.output("train_imgs"), data.output("train_labels")
    parameters = read_as(DataParameters, data.parameters)
    classes = tuple(parameters["classes"])
    known = Labels(store.array(labels.digest), labels.digest, classes) if classes else None
    return Natural(parameters["data"], store.array(images.digest), images.digest, known)
