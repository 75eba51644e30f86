"""Charts as SVG inside a page: drawn by the style sheet in light and dark, and readable as a table without eyes.

Nothing here needs a script. Colours are classes: a page that allows no styles of its own shows them too.
"""

from collections.abc import Callable

DRAWN: dict[str, Callable[..., object]] = {}
"""What templates call, by name."""
