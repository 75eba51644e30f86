"""What every flow is told: where results are, and when it is to end.

Importing this costs little: neither Prefect nor TensorFlow.
"""

from typing import Annotated, Any, Protocol, Self, runtime_checkable

from pydantic import Field, ModelWrapValidatorHandler, PlainSerializer, ValidationInfo, model_validator

from flows.forms.field_types import ClockTime, TimeZone
from flows.forms.form import Form, has_default
from flows.forms.places import store_place
from flows.forms.pool_names import PoolName
from flows.forms.refusals import BY_FILL_IN, refuse_in_our_words
from lib.deadline import Deadline
from storage.files import without_password


class InStore(Form):
    """What every flow is told: where results are."""

    # What is recorded, in the store and by Prefect's server, says no password; the run itself has it.
    store: Annotated[str, PlainSerializer(without_password, when_used="json")] = Field(
        default_factory=store_place,
        title="Store",
        description="Where results are stored: a folder, or a URL as s3://bucket/store.",
        json_schema_extra=has_default(store_place),
    )

    @model_validator(mode="wrap")
    @classmethod
    def _refuse_in_our_words(cls, given: Any, validate: ModelWrapValidatorHandler[Self], info: ValidationInfo) -> Self:
        """Whoever validates: Prefect does it for a run that its UI or a schedule started, and shows what it is told."""
        if info.context == BY_FILL_IN:
            return validate(given)
        with refuse_in_our_words(cls):
            return validate(given)


@runtime_checkable
class Watched(Protocol):
    """What a run is told that ends by itself where it goes on for too long, or hangs."""

    stalled_after: float
    """Minutes without progress after which its process is ended."""

    def deadline(self) -> Deadline:
        """When it takes on no more work."""


class Limits(Form):
    """When a run is to end, whatever is left then."""

    finish_by: ClockTime | None = Field(
        None,
        title="Finish by",
        description="The time of day, as 06:30, after which nothing more is begun; "
        "the next run goes on with the rest. Empty: the run goes on to its end.",
    )
    timezone: TimeZone | None = Field(
        None,
        title="Time zone",
        description="The time zone of that time, as Europe/Berlin. Empty: this machine's time zone.",
    )
    budget: float | None = Field(
        None,
        gt=0,
        allow_inf_nan=False,
        title="Budget (minutes)",
        description="After how many minutes nothing more is begun; the next run goes on with the rest. Empty: "
        "no limit.",
    )
    stalled_after: float = Field(
        60.0,
        gt=0,
        allow_inf_nan=False,
        title="Stalled after (minutes)",
        description="After how many minutes without progress the run's process is ended, so that it can be retried. "
        "A store on a server that fails is waited for for as long.",
    )

    def deadline(self) -> Deadline:
        """When the run is to end, counted from now."""
        return Deadline.of(self.finish_by, self.timezone, self.budget)

    def until(self, deadline: Deadline) -> Self:
        """The same with a deadline that was reckoned before."""
        left = deadline.seconds_left()
        budget = None if left is None else max(left, 1.0) / 60
        return self.model_copy(update={"finish_by": None, "timezone": None, "budget": budget})


class Pooled(Form):
    """By whose workers it is made."""

    pool: PoolName | None = Field(
        None,
        title="Work pool",
        description="The work pool of Prefect's whose workers make this, on any number of machines that share the "
        "store; dreamsweep deploy sets one up. Empty: this process makes it.",
    )
