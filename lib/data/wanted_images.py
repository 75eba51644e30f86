"""What images a network takes, and how pictures of other sizes are fitted to them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Fit = Literal["crop", "pad", "stretch"]
"""How a picture of other proportions becomes an image: crop cuts its middle out, after its shorter side was resized;
pad resizes its longer side and leaves the rest black; stretch resizes both."""
FIT: Fit = "crop"
"""What is done where nothing is said."""


@dataclass(frozen=True)
class WantedImages:
    """The images that are wanted of a data set. What is None is free: the data set's own, then."""

    height: int | None = None
    width: int | None = None
    channels: int | None = None
    fit: Fit = FIT

    @staticmethod
    def of_network(input_shape: Sequence[int | None], size: tuple[int, int] | None, fit: Fit) -> "WantedImages":
        """The images of a network that takes (batch, height, width, channels); of this size where it is free."""
        _, height, width, channels = input_shape
        if size is not None:
            height, width = height or size[0], width or size[1]
        return WantedImages(height, width, channels, fit)

    def shape(self, own: tuple[int, int, int]) -> tuple[int, int, int]:
        """(height, width, channels) of the images of a data set whose own are these.

        Pictures have one channel or three: where a network takes others, they are left as they are.
        """
        height, width, channels = own
        if self.height is not None and self.width is not None:
            height, width = self.height, self.width
        return height, width, self.channels if self.channels in (1, 3) else channels
