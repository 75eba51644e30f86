"""What a shard is told: what one flow run on a work pool makes, and all that decides about it.

It names records of the store, and no place of any machine: the store is the one that the worker has.
"""

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self

import numpy as np
from pydantic import Field, model_validator

from flows.forms.arguments import read_arguments
from flows.forms.every_run import InStore
from flows.forms.field_types import Size
from flows.forms.form import Form
from lib.deadline import Deadline
from lib.dream.settings import DreamSettings
from lib.errors import BadInput
from lib.network.units import indices_in
from lib.oips.growth import Growth, QualityName
from lib.oips.photographs import PictureStatistics
from tasks.session.provenance import CodeVersion


class Shard(InStore):
    """For which run a shard is made, by which code and until when; that run fills it in."""

    run: str = Field(title="Run", description="The run in the store that asks for this.")
    model: str = Field(title="Model", description="What the model is called.")
    model_record: str = Field(title="Record of the model", description="The key of the model's record.")
    ends_at: datetime | None = Field(
        None, title="Ends at", description="When nothing more is begun, as ISO 8601. Empty: no limit."
    )
    stalled_after: float = Field(
        gt=0,
        allow_inf_nan=False,
        title="Stalled after (minutes)",
        description="After how many minutes without progress the process is ended, so that it can be retried.",
    )
    sources: str = Field(title="Sources", description="The digest of the code that the run is of.")
    commit: str | None = Field(None, title="Commit", description="The commit of that code. Empty: it is not known.")
    changed: bool = Field(title="Changed", description="Whether that code is other than the commit's.")

    @property
    def code(self) -> CodeVersion:
        """The version of the code that the run is of."""
        return {"commit": self.commit, "changes": self.sources if self.changed else None, "sources": self.sources}

    def deadline(self) -> Deadline:
        """When nothing more is begun."""
        return Deadline(self.ends_at)

    def told(self) -> dict[str, Any]:
        """As the parameters of a flow run, but for the store: a worker has that by a name of its own."""
        return self.model_dump(mode="json", exclude={"store"}, exclude_none=True)

    @classmethod
    def read(cls, parameters: Mapping[str, Any]) -> Self | None:
        """What a flow run was told; None where that was by another version."""
        try:
            return read_arguments(cls, None, parameters)
        except BadInput:
            return None

    def makes_as(self, other: "Shard") -> bool:
        """Whether another shard, of the same code, makes its things in the same way as this one."""
        return self._way() == other._way()

    def _way(self) -> dict[str, Any]:
        return self.model_dump(
            exclude={"store", "run", "model", "ends_at", "stalled_after", "batch", "maps_per_task"} | _ITEMS
        )


_ITEMS = {"units", "layers", "originals"}


class Statistics(Form):
    """What the data set's pictures are like: `lib.oips.photographs.PictureStatistics`."""

    exponent: float = Field(title="Exponent", description="Of the fall of the amplitude with frequency.")
    covariance: list[list[float]] = Field(title="Covariance", description="Of the channels.")
    chroma: float | None = Field(None, title="Chroma", description="Of the most colourful. Empty: it is not known.")
    contrast: float = Field(title="Contrast", description="The standard deviation, as a share of the range.")

    @classmethod
    def of(cls, found: PictureStatistics) -> Self:
        """As a shard is told them."""
        chroma = found.chroma if math.isfinite(found.chroma) else None
        return cls(
            exponent=found.exponent, covariance=found.covariance.tolist(), chroma=chroma, contrast=found.contrast
        )

    def known(self) -> PictureStatistics:
        """As a sweep has them."""
        chroma = math.inf if self.chroma is None else self.chroma
        return PictureStatistics(self.exponent, np.array(self.covariance), chroma, self.contrast)


class SweepShard(Shard):
    """How a sweep that another process has open grows OIPs."""

    data_record: str | None = Field(
        None,
        title="Record of the data set",
        description="The key of the record of the data set that exemplars come from. Empty: there is none.",
    )
    passes: list[Growth] = Field(
        min_length=1, title="Passes", description="How maps are grown in each pass of the sweep, drafts first."
    )
    batch: int = Field(ge=1, title="Batch size", description="How many images are optimised together.")


class LayerPart(Form):
    """Some units of one layer, and what the sweep knows of it."""

    layer: str = Field(title="Layer", description="The layer whose units these are.")
    units: str = Field(title="Units", description="Which of its units, as 0-63,70.")
    size: Size | None = Field(
        None, title="Size", description="The height and width of the images. Empty: the network's own."
    )
    statistics: Statistics | None = Field(
        None,
        title="Statistics",
        description="What the data set's pictures are like. Empty: the style does not ask for that.",
    )

    @model_validator(mode="after")
    def _units_are_indices(self) -> Self:
        indices_in(self.units)
        return self


class ShardParameters(SweepShard, LayerPart):
    """Which maps to make for a sweep that another process has open, and how."""

    quality: QualityName = Field(title="Quality", description="In which of the passes these maps are made.")
    maps_per_task: int = Field(ge=1, title="Maps per task run", description="How many maps one task run takes.")

    @model_validator(mode="after")
    def _of_the_sweep(self) -> Self:
        if self.quality not in {growth.quality for growth in self.passes}:
            raise ValueError(f"no pass of the sweep has quality {self.quality}")
        return self


class FinishedLayer(LayerPart):
    """A layer whose maps are made, or have failed."""

    failed: str | None = Field(None, title="Failed", description="Which of the units failed, as 3,7. Empty: none.")
    made: str = Field(title="Made", description="The digest of a file that says which records the units have.")
    of: int = Field(ge=1, title="Of", description="How many units the layer has.")
    likeness: dict[str, float] | None = Field(
        None, title="Likeness", description="How much detail and colour the data set's images have. Empty: no data set."
    )


class LayerShardParameters(SweepShard):
    """Which layers to finish for a sweep that another process has open, when their maps are made."""

    layers: list[FinishedLayer] = Field(min_length=1, title="Layers", description="Which layers are finished.")
    large_tensors: bool = Field(title="Large tensors", description="Gather tensors above 2 GB too.")


class ImageShardParameters(SweepShard):
    """Which images of the data set are shown to which layers, for a sweep that another process has open."""

    of_layers: list[str] = Field(min_length=1, title="Layers", description="The layers whose units respond.")
    size: Size | None = Field(
        None, title="Size", description="The height and width of the images. Empty: the network's own."
    )
    first: int = Field(ge=0, title="First", description="The first of the images.")
    last: int = Field(ge=1, title="Last", description="The image before which this ends.")


class Original(Form):
    """A picture of the store that is dreamed into."""

    name: str = Field(title="Name", description="What the picture is called.")
    picture: str = Field(title="Picture", description="The digest of its file.")
    mask: str | None = Field(None, title="Mask", description="The digest of its mask's file. Empty: all is dreamed.")
    unit: str | None = Field(None, title="Unit", description="By which unit of a tour it is dreamed. Empty: no tour.")


class DreamShardParameters(Shard):
    """Which pictures to dream into for a run that another process has open, and how."""

    originals: list[Original] = Field(min_length=1, title="Pictures", description="Which pictures are dreamed.")
    settings: DreamSettings = Field(title="Dream", description="How each picture is dreamed.")
    passes: int = Field(ge=1, title="Passes", description="How often each picture is dreamed.")
    zoom: float = Field(title="Zoom", description="By which factor a dream is enlarged for the next pass.")
    rotation: float = Field(title="Rotation", description="By how many degrees a dream is turned for the next pass.")
    guide: str | None = Field(None, title="Guide", description="The digest of the guide's file. Empty: no guide.")
