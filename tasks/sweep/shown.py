"""Which of a unit's results a sweep shows, where it has several of different quality, and which unit is refined first.

A draft and what comes after it are artifacts of their own. A run has under a unit's name the better one, by the measure
of the style that was asked for; a refinement that is worse replaces nothing.
"""

from typing import Any

from lib.oips.growth import QUALITIES, Growth
from lib.oips.style import STYLES
from storage.store import Record
from tasks.sweep.style_of import quality_of, style_of

_AS_MOVED = 8
"""Steps, the last ones, over which the response to a moved image is averaged."""


def not_shown_title(unit: str, growth: Growth) -> str:
    """What a run calls OIPs of a unit at a quality, where better ones have the unit's name."""
    return f"{unit} ({growth.quality})"


def replaces(record: Record, shown: Record, style: str) -> bool:
    """Whether OIPs, from a later pass, are to be shown instead of those of an earlier one; `style` was asked for.

    Where only one of them does as well as the exemplars it is that one, and where neither does, the later one: its
    verdict rests on more. Else one in the style that was asked for comes before one in another, and the stronger before
    the weaker.
    """
    new, old = _about(record), _about(shown)
    if new["verdict"] != "responded" or old["verdict"] != "responded":
        return bool(old["verdict"] != "responded")
    wanted = [style_of(one.parameters, about) == style for one, about in ((record, new), (shown, old))]
    if wanted[0] != wanted[1] or new["constraint"] != old["constraint"]:
        return wanted[0]
    return _strength(new, style) >= _strength(old, style)


def is_better(record: Record, shown: Record, style: str) -> bool:
    """The same, whichever of the two is of the later pass."""
    early, late = sorted((shown, record), key=lambda one: QUALITIES.index(quality_of(one.parameters)))
    return (late if replaces(late, early, style) else early) is record


LONG = 2
"""What `need_of` begins with where nothing makes a unit respond."""


def need_of(record: Record, style: str) -> tuple[int, float]:
    """A key: what needs a better picture the most comes first.

    That is what is unreached, and then what keeps the least of its response when it is moved a little; in a style that
    shows no moved images, what is furthest below the best exemplars. What nothing makes respond comes last: a search
    that may end with `silent` takes as long as hundreds of others.
    """
    about = _about(record)
    if STYLES[style].kept:
        share = _moved(about) / about["response"] if about["response"] > 0 else 0.0
    else:
        ratio = about["response_ratio"]
        share = 0.0 if ratio is None else ratio
    if about["verdict"] != "responded":
        return (0 if about["response_ratio"] is not None else LONG), float(share)
    return 1, float(share)


def _about(record: Record) -> dict[str, Any]:
    return record.output("oips").attributes


def _strength(about: dict[str, Any], style: str) -> float:
    """How strong the best OIP is by the measure of a style."""
    return _moved(about) if STYLES[style].kept else float(about["response"])


def _moved(about: dict[str, Any]) -> float:
    """The response to the best OIP as it is moved a little, on the mean over the last steps of its ascent."""
    seen = [value for value in about["oips"][0]["curve"] if value is not None][-_AS_MOVED:]
    return sum(seen) / len(seen) if seen else float(about["response"])
