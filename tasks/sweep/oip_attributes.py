"""What a record of a unit's OIPs says of them. Importing this costs little: no Prefect, no TensorFlow."""

from typing import NotRequired

from typing_extensions import TypedDict

from lib.oips.constraint import ConstraintName
from lib.oips.verdict import Verdict


class GrownOip(TypedDict):
    """What is known of one OIP. `curve`: its response at each step, None where it was not seen."""

    response: float
    pre_activation: float
    seed: int
    start: int
    length_scales: list[float]
    curve: list[float | None]


class OipAttributes(TypedDict):
    """What the output `oips` says of a unit.

    `oips`: of each, the best first; `exemplars`: their numbers in the data set, and how strongly the unit responds.
    `signed`: the unit is linear, and has no threshold; left out where that is not so, and by earlier versions.
    `style`: of the OIPs, where a search went on in another than was asked for (`tasks.sweep.style_of` tells it always).
    """

    unit: str
    layer: str
    index: int
    verdict: Verdict
    response: float
    pre_activation: float
    response_ratio: float | None
    constraint: ConstraintName
    only_one_pattern: bool
    alike_from: float
    image_steps: int
    oips: list[GrownOip]
    exemplars: list[int]
    exemplar_responses: list[float]
    signed: NotRequired[bool]
    style: NotRequired[str]
