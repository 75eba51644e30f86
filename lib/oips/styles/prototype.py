"""What a unit's exemplars have in common, and what makes it respond (after VITAL, Görgün et al. 2025).

As "natural", but once a unit responds twice as strongly as to the best of its exemplars, what counts is how alike the
statistics of the maps below are to those of the exemplars (`lib.oips.matching`): a picture of what the data shows it,
without exaggeration.
"""

from dataclasses import replace

from lib.oips.styles.natural import STYLE as NATURAL

STYLE = replace(
    NATURAL,
    name="prototype",
    text="what the best exemplars have in common, without exaggeration; needs a data set",
    matches=True,
)
