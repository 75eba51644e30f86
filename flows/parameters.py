"""The parameters of every flow. They are the forms of Prefect's UI too: each field says what it is, and what it may be.

Importing this costs little: neither Prefect nor TensorFlow.
"""

from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, Field

from flows.places import data_place, store_place
from lib.grower import BATCH
from lib.growth_settings import GrowthSettings
from lib.training_settings import TrainSettings

DATA = "digits"
"""What is trained on where no data set is named: it is embedded."""


def _known(name: str) -> str:
    try:
        ZoneInfo(name)
    except (OSError, ValueError) as problem:
        raise ValueError(f"there is no time zone {name!r}: write one as Europe/Berlin") from problem
    return name


class InStore(BaseModel):
    """What every flow is told: where results are."""

    store: str = Field(default_factory=store_place, title="Store", description="Path or URL of the store.")


class WithImages(BaseModel):
    """Where images come from."""

    data_dir: Path | None = Field(
        default_factory=data_place,
        title="Folder with IDX files",
        description="Folder with the IDX files or mnist.npz of mnist and fashion-mnist.",
    )


class TrainParameters(InStore, WithImages):
    """What to train, on what, and where the results go."""

    data: str = Field(DATA, title="Data set", description="digits, mnist, fashion-mnist or folder:DIR.")
    settings: TrainSettings = Field(
        default_factory=TrainSettings, title="Training", description="How the network is trained."
    )


class RegisterParameters(InStore, WithImages):
    """Which file to register, and the data set that the model was trained on, if it is to be had."""

    file: Path = Field(title="File", description="A .keras or .h5 file, without code in it.")
    data: str | None = Field(
        None, title="Data set", description="digits, mnist, fashion-mnist or folder:DIR; for exemplars."
    )


class Limits(BaseModel):
    """When a run is to end, whatever is left then."""

    finish_by: str | None = Field(
        None,
        pattern=r"^([01]\d|2[0-3]):[0-5]\d$",
        title="Finish by",
        description="Clock time, as 06:30, at which it ends; the next run goes on with the rest.",
    )
    timezone: Annotated[str, AfterValidator(_known)] | None = Field(
        None, title="Time zone", description="Of that clock, as Europe/Berlin. None: the machine's own."
    )
    budget: int | None = Field(
        None,
        ge=1,
        title="Budget (minutes)",
        description="Minutes after which it ends; the next run goes on with the rest.",
    )
    stalled_after: float = Field(
        60.0,
        gt=0,
        title="Stalled after (minutes)",
        description="Minutes without any progress after which the run's process is ended.",
    )


class Sweeping(InStore, WithImages, Limits):
    """Which units of which model to sweep, on what images, and how."""

    model: str | None = Field(
        None, title="Model", description="A ref, a digest, or a .keras or .h5 file; none: the latest model."
    )
    data: str | None = Field(
        None, title="Data set", description="Data set of the exemplars; none: the one the model was trained on."
    )
    layers: list[str] | None = Field(
        None, title="Layers", description="Names, patterns, units (Conv2D_2/3-9); none: all convolutions."
    )
    growth: GrowthSettings = Field(default_factory=GrowthSettings, title="Growth", description="How OIPs are grown.")
    size: tuple[int, int] | None = Field(
        None, title="Size", description="Height and width of images, for networks of a free size."
    )
    batch: int = Field(BATCH, ge=1, title="Batch", description="Images that climb together; fewer want less memory.")
    maps_per_task: int = Field(
        1, ge=1, title="Maps a task run", description="More than 1 for networks with tens of thousands of maps."
    )
    large_tensors: bool = Field(
        False, title="Large tensors", description="Gather layers of more than 2 GB into HDF5 as well."
    )


class SweepParameters(Sweeping):
    """Which units of which model to sweep, and how."""

    train: TrainSettings | None = Field(
        None, title="Train first", description="Train so on the data set first, or find it trained, and sweep that."
    )

    def train_parameters(self) -> TrainParameters | None:
        """What to train first, if anything."""
        return _training(self, self.train)


class NightlyParameters(Sweeping):
    """What a night does: train where that has not been done, and sweep. With a `model`, nothing is trained."""

    train: TrainSettings = Field(
        default_factory=TrainSettings,
        title="Training",
        description="How the network is trained, where no model is named.",
    )

    def train_parameters(self) -> TrainParameters | None:
        """What to train, unless a model is named."""
        return None if self.model else _training(self, self.train)

    def sweep_parameters(self, model: str) -> SweepParameters:
        """How to sweep a model: the one that is named, or the one that was trained, with its own images."""
        asked = {name: getattr(self, name) for name in Sweeping.model_fields}
        return SweepParameters(**asked | {"model": model, "data": self.data if self.model else None})


def _training(asked: Sweeping, settings: TrainSettings | None) -> TrainParameters | None:
    if settings is None:
        return None
    return TrainParameters(store=asked.store, data=asked.data or DATA, data_dir=asked.data_dir, settings=settings)
