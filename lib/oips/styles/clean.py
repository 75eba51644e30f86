"""As "strong", but nothing is finer than a pixel or two."""

from lib.oips.style import Style

STYLE = Style(
    "clean",
    "as strong, but nothing finer than a pixel or two",
    {"oips": 4, "starts": 64, "steps": 96, "step_size": 1.0, "smoothing": 1.0, "jitter": 1},
    recorded=False,
    thorough=True,
    best={"starts": 256, "steps": 192},
)
