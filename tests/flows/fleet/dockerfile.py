"""The Dockerfile as its instructions."""

import re
from itertools import pairwise

from tests.docs.blocks import CHECKOUT

Step = tuple[str, str]
"""The word of an instruction, and what stands behind it, on one line."""


def steps() -> list[Step]:
    """All instructions."""
    text = re.sub(r"^#.*\n", "", (CHECKOUT / "deploy" / "Dockerfile").read_text(), flags=re.M).replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip()]
    return [(line.split()[0], " ".join(line.split()[1:])) for line in lines]


def stages() -> list[list[Step]]:
    """The same, for each image that is begun."""
    begins = [number for number, (word, _) in enumerate(steps()) if word == "FROM"]
    return [steps()[begin:end] for begin, end in pairwise([*begins, len(steps())])]
