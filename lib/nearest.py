"""The end of a message that there is nothing of a name: which names were perhaps meant, never more than five."""

import difflib
import re
from collections.abc import Iterable

MOST = 5
LISTED = ": `dreamsweep models show NAME` lists them"
"""Where all layers of a model are found, behind the number of those that are not named."""


def nearest(asked: str, names: Iterable[str], where: str = "") -> str:
    """As ": did you mean ...?", with the names that are most like what was asked for.

    What stands behind the last slash is left out where it is a number, or a range of them.

    Args:
        where: what lists the names that are left out, as it is said behind their number.
    """
    by_lower = {name.lower(): name for name in names}
    wanted = re.sub(r"/\d+(-\d+)?$", "", asked).lower()
    near = difflib.get_close_matches(wanted, by_lower, n=MOST, cutoff=0.5)
    if near:
        return f": did you mean {', '.join(by_lower[name] for name in near)}?"
    return f": the model has {list_some(by_lower.values(), where) or 'none with units'}"


def list_some(names: Iterable[str], where: str = "") -> str:
    """The first names, and how many more there are; `where` as in `nearest`."""
    names = list(names)
    if len(names) <= MOST:
        return ", ".join(names)
    return f"{', '.join(names[:MOST])} and {len(names) - MOST} more{where}"
