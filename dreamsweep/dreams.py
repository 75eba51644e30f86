"""Dreams: pictures into which a network dreamed."""

from dataclasses import dataclass

from PIL import Image

from lib.pictures.files import first_frame
from storage.record import Record
from storage.store import Store
from tasks.gallery.reading.dreamed import dream_runs


@dataclass(frozen=True)
class DreamedPicture:
    """A dream of the store: of several passes the last, of a tour one map's.

    Attributes:
        store: where it was found.
        title: the name of the picture that it began with; of a tour with the map behind it, as `rose.jpg/Conv2D_3/56`.
        record: what made it: `record.parameters` are the settings.
    """

    store: Store
    title: str
    record: Record
    _original: str

    @property
    def objective(self) -> str:
        """What was maximised, as `0.7*Conv2D_2 + 0.3*Conv2D_3/56`."""
        return str(self.record.parameters["objective"])

    @property
    def mode(self) -> str:
        """How it was dreamed: `octaves`, `tiles`, `carve` or `carve+tiles`."""
        return str(self.record.parameters["mode"])

    @property
    def picture(self) -> Image.Image:
        """The dream, grey or RGB; of an animation its first frame. Raises StoreError where it is missing or damaged."""
        return first_frame(self.store.get(self.record.output("picture").digest))

    @property
    def original(self) -> Image.Image:
        """The picture that it began with, upright and in sRGB. Raises StoreError where it is missing or damaged."""
        return first_frame(self.store.get(self._original))

    def _repr_png_(self) -> bytes:
        return self.store.get(self.record.output("picture").digest)

    def __repr__(self) -> str:
        return f"<dream {self.title}: {self.objective}, {self.mode}>"


def list_dreams(store: Store) -> list[DreamedPicture]:
    """List the dreams of a store, those of the newest run first. Each is there once, however often it was asked for.

    Raises:
        StoreError: the store cannot be read.

    >>> import dreamsweep
    >>> dream = dreamsweep.list_dreams(dreamsweep.open_store())[-1]
    >>> dream
    <dream rose.png: Conv2D_2, octaves>
    >>> dream.picture.size == dream.original.size
    True
    """
    return [
        DreamedPicture(store, dream.title, dream.record, dream.original)
        for run in dream_runs(store.runs(), store.record)
        for dream in run.dreams
    ]
