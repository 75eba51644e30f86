"""In which style a unit's OIPs are, and of which quality: told, in this one place, from what its record says.

Importing this costs next to nothing.
"""

from collections.abc import Mapping
from typing import Any, cast

from lib.oips.growth import USUAL_QUALITY, QualityName
from storage.document import Json


def style_of(parameters: Mapping[str, Json], about: Mapping[str, Any]) -> str:
    """The name of the style of a unit's OIPs.

    Recipes of the styles that move the pixels themselves, without a margin, name none, as those of versions that had no
    other: of these, what is blurred or shifted is "clean".

    Args:
        parameters: of the unit's record, of whichever version.
        about: what the record's output `oips` says. It names the style where that is not the one that was asked for.
    """
    return str(about.get("style") or asked_style(parameters))


def quality_of(parameters: Mapping[str, Json]) -> QualityName:
    """Of which quality the OIPs of a record with these parameters are: `draft`, `standard` or `best`."""
    return cast(QualityName, parameters.get("quality", USUAL_QUALITY))


def asked_style(parameters: Mapping[str, Json]) -> str:
    """The style in which a unit's OIPs were to be."""
    plain = "clean" if parameters.get("smoothing") or parameters.get("jitter") else "strong"
    return str(parameters.get("style", plain))
