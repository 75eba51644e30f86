"""The highest responses: the pixels themselves, from many restarts.

The defaults reach 0.97 of the response that 256 restarts of four times the steps reach (reference network, MNIST).
"""

from lib.oips.style import Style

STYLE = Style(
    "strong",
    "the highest responses, of every pixel by itself; for small grey pictures",
    {"oips": 4, "starts": 64, "steps": 96, "step_size": 1.0, "smoothing": 0.0, "jitter": 0},
    recorded=False,
    thorough=True,
    best={"starts": 256, "steps": 192},
)
