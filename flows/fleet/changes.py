"""What came of a thing on Prefect's server that is to be there: it was made, changed, or is as it should be."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Change:
    """A thing, as "work pool", its name, and what was done."""

    what: str
    name: str
    done: Literal["made", "changed", "unchanged"]
