"""Where long names may be broken into lines: between their words, and nowhere within one."""

import re

from markupsafe import Markup, escape

_SHORT = 12
"""Characters of a name that fits wherever it stands."""
_BETWEEN_WORDS = re.compile(r"(?<=[_/.])(?=[^_/.])|(?<=[a-z])(?=[A-Z])")


def breakable(name: str) -> Markup:
    """A name as HTML, in which a browser may begin a line behind _ and /, and before a capital letter.

    Nobody sees these places, and who copies the name copies the name alone.
    """
    if len(name) <= _SHORT:
        return escape(name)
    return Markup("<wbr>").join(_BETWEEN_WORDS.split(name))
