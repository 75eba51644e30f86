"""What is used of a Keras model: Keras ships no types of its own."""

from typing import Protocol


class KerasModel(Protocol):
    """A model as `lib.network.model_file.load` gives it, or as Keras makes it."""

    @property
    def name(self) -> str:
        """The model's own name."""

    @property
    def input_shape(self) -> tuple[int | None, int | None, int | None, int]:
        """(None, height, width, channels) of its images; None where a length is left free."""

    def count_params(self) -> int:
        """How many weights it has."""
