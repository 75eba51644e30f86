"""A model and its data set, as a run has them open."""

from dataclasses import dataclass

from lib.arrays import Floats, Integers
from lib.network import model_file
from lib.network.keras_model import KerasModel
from storage.store import Record, Store
from tasks.model.data import DataParameters
from tasks.model.stored import StoredModel
from tasks.session.attributes import read_as


@dataclass(frozen=True)
class Network:
    """A model and what is known of it: its name (a ref), its blob and its identity."""

    model: KerasModel
    name: str
    digest: str
    identity: str


def open_network(store: Store, stored: StoredModel) -> Network:
    """A model of the store, loaded. Raises BadInput for one that cannot be, and StoreError where it is not there."""
    model = model_file.load(store.get(stored.digest), name=stored.name)
    return Network(model, stored.name, stored.digest, stored.identity)


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
    """The training images of a data set's record and their labels, memory-mapped."""
    images, labels = data.output("train_imgs"), data.output("train_labels")
    parameters = read_as(DataParameters, data.parameters)
    known = Labels(store.array(labels.digest), labels.digest, tuple(parameters["classes"]))
    return Natural(parameters["data"], store.array(images.digest), images.digest, known)
