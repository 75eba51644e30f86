"""A model and its data set, as a run has them open."""

from dataclasses import dataclass
from functools import cached_property

from lib.arrays import Images, Integers
from lib.network import model_file
from lib.network.adapt import adapt
from lib.network.keras_model import KerasModel
from lib.network.pixels import PLAIN, Pixels
from storage.store import Output, Record, Store
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
        record: the key of its record, which says that; None where it is not of a store.
    """

    saved: KerasModel
    name: str
    digest: str
    identity: str
    pixels: Pixels = PLAIN
    record: str | None = None

    @cached_property
    def model(self) -> KerasModel:
        """The same layers and weights, but taking pictures within 0..1: all is computed with it, unless it says
        otherwise. Raises BadInput for pixels of another number of channels."""
        return adapt(self.saved, self.pixels)

    @classmethod
    def of(cls, saved: KerasModel, stored: StoredModel) -> "Network":
        """A model of the store that is loaded. Raises as `model`."""
        pixels = stored.pixels or PLAIN
        network = cls(saved, stored.name, stored.digest, stored.identity, pixels, stored.record.key)
        assert network.model is not None  # what cannot be is said now, and not to some thread
        return network


def load_model(store: Store, stored: StoredModel) -> KerasModel:
    """A model of the store, as it was saved. Raises BadInput for one that cannot be loaded, and StoreError where it is
    not there."""
    return wait_for(f"loading {stored.name}", model_file.load, store.get(stored.digest), name=stored.name)


@dataclass(frozen=True)
class Labels:
    """Which of `classes` each training image is of, and the digest of their blob."""

    digest: str
    classes: tuple[str, ...]
    store: Store

    @cached_property
    def numbers(self) -> Integers:
        """[N], from 0, memory-mapped. Raises BlobGone."""
        return self.store.array(self.digest)


@dataclass(frozen=True)
class Natural:
    """The data set's training images, and their labels, where there are any.

    Of a remote store they are fetched when they are first needed: what has its exemplars may need none.

    Attributes:
        output: the images, as the record of the data set has them.
        record: the key of that.
        partly: some of the images are asked for, so that not all are fetched.
    """

    name: str
    output: Output
    labels: Labels | None
    record: str
    store: Store
    partly: bool = False

    @property
    def digest(self) -> str:
        """That of the images' blob."""
        return self.output.digest

    @cached_property
    def images(self) -> Images:
        """[N, H, W, C], float32, memory-mapped or fetched in pieces. Raises BlobGone."""
        return self.store.rows(self.output) if self.partly else self.store.array(self.digest)


def natural_of(store: Store, data: Record, *, partly: bool = False) -> Natural:
    """The training images of a data set's record and their labels; none without classes."""
    parameters = read_as(DataParameters, data.parameters)
    classes = tuple(parameters["classes"])
    known = Labels(data.output("train_labels").digest, classes, store) if classes else None
    return Natural(parameters["data"], data.output("train_imgs"), known, data.key, store, partly)
