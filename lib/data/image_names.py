"""How an image of a data set is named: its set, a slash and its number from 0, as `test/1302`."""

import re
from dataclasses import dataclass
from typing import Any, Literal, cast

from lib.errors import BadInput

SetName = Literal["train", "test"]


@dataclass(frozen=True, order=True)
class ImageName:
    """One image of a data set; in the set's own order, so it is the same picture for ever."""

    set: SetName
    number: int

    def __str__(self) -> str:
        return f"{self.set}/{self.number}"

    @classmethod
    def parse(cls, text: str) -> "ImageName | None":
        """The image that a text names; None where it names something else, as a file."""
        found = re.fullmatch(r"(train|test)/([0-9]{1,12})", text)
        return None if found is None else cls(cast(SetName, found[1]), int(found[2]))

    def of(self, images: Any) -> Any:
        """This image of its set's images, or this label of its labels. Raises BadInput where there is none."""
        if self.number >= len(images):
            raise BadInput(f"there is no image {self}: the set has {len(images)}, 0 to {len(images) - 1}")
        return images[self.number]
