"""What a shard is told: the maps that one flow run on a work pool makes, and all that decides about them.

It names records of the store, and no place of any machine: the store is the one that the worker has.
"""

from datetime import datetime
from typing import Self

from pydantic import Field, model_validator

from flows.forms.every_run import InStore
from flows.forms.field_types import Size
from lib.deadline import Deadline
from lib.network.units import indices_in
from lib.oips.growth import Growth, QualityName
from tasks.session.provenance import CodeVersion


class ShardParameters(InStore):
    """Which maps to make for a sweep that another process has open, and how; it is filled in by that sweep."""

    run: str = Field(title="Run", description="The run of the sweep in the store.")
    model: str = Field(title="Model", description="What the model is called.")
    model_record: str = Field(title="Record of the model", description="The key of the model's record.")
    data_record: str | None = Field(
        None,
        title="Record of the data set",
        description="The key of the record of the data set that exemplars come from. Empty: there is none.",
    )
    layer: str = Field(title="Layer", description="The layer whose maps are made.")
    units: str = Field(title="Units", description="Which of its maps, as 0-63,70.")
    passes: list[Growth] = Field(
        min_length=1, title="Passes", description="How maps are grown in each pass of the sweep, drafts first."
    )
    quality: QualityName = Field(title="Quality", description="In which of the passes these maps are made.")
    size: Size | None = Field(
        None, title="Size", description="The height and width of the images. Empty: the network's own."
    )
    batch: int = Field(ge=1, title="Batch size", description="How many images are optimised together.")
    maps_per_task: int = Field(ge=1, title="Maps per task run", description="How many maps one task run takes.")
    ends_at: datetime | None = Field(
        None, title="Ends at", description="When nothing more is begun, as ISO 8601. Empty: no limit."
    )
    stalled_after: float = Field(
        gt=0,
        allow_inf_nan=False,
        title="Stalled after (minutes)",
        description="After how many minutes without progress the process is ended, so that it can be retried.",
    )
    sources: str = Field(title="Sources", description="The digest of the code that the sweep runs.")
    commit: str | None = Field(None, title="Commit", description="The commit of that code. Empty: it is not known.")
    changed: bool = Field(title="Changed", description="Whether that code is other than the commit's.")

    @model_validator(mode="after")
    def _of_the_sweep(self) -> Self:
        indices_in(self.units)
        if self.quality not in {growth.quality for growth in self.passes}:
            raise ValueError(f"no pass of the sweep has quality {self.quality}")
        return self

    @property
    def code(self) -> CodeVersion:
        """The version of the code that the sweep runs."""
        return {"commit": self.commit, "changes": self.sources if self.changed else None, "sources": self.sources}

    def deadline(self) -> Deadline:
        """When nothing more is begun."""
        return Deadline(self.ends_at)
