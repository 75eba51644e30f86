"""What is known of a unit after its search."""

from typing import Literal, get_args

Verdict = Literal["responded", "unreached", "silent", "dead"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)


def verdict_of(response: float, exemplar: float | None, *, dead: bool, signed: bool = False) -> Verdict:
    """The verdict on a unit whose search is over.

    Args:
        response: of the best OIP, recomputed from the image that is stored.
        exemplar: response of the best exemplar under the same constraint; None without a data set.
        dead: whether a bound proves that no image makes the unit respond.
        signed: whether the unit stays linear. It has no threshold, so it is neither silent nor dead: it has responded
            where its OIP does as well as the best exemplar, below zero too.

    A unit that neither an exemplar nor its OIP makes respond is `silent`: the caller has searched twenty times as long
    under every constraint before it asks. An exemplar that responds where no OIP does leaves the unit `unreached`.
    What was seen counts for more than the proof: only a silent unit can be `dead`.
    """
    if signed:
        return "responded" if exemplar is None or response >= exemplar else "unreached"
    best = max(exemplar or 0.0, 0.0)
    if response > 0 and response >= best:
        return "responded"
    if best > 0:
        return "unreached"
    return "dead" if dead else "silent"


def response_ratio(response: float, exemplar: float | None) -> float | None:
    """The OIP's response over the best exemplar's; None where no exemplar responds."""
    return response / exemplar if exemplar is not None and exemplar > 0 else None
