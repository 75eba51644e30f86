"""What the head of every page of a gallery leads to."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Section:
    """A page that a gallery always has, as `SECTION` in the module that puts it. `place`: among the others."""

    title: str
    address: str
    place: int
