"""The gallery's own files: its scripts, and its style sheet with the colours of verdicts in it."""

from collections.abc import Iterator
from pathlib import Path

from lib.verdict_colours import VERDICTS, Colour

STATIC = Path(__file__).parent / "static"
_SHEET = "gallery.css"


def static_files() -> Iterator[tuple[str, bytes]]:
    """Each file that every gallery has, in order, by name."""
    for path in sorted(STATIC.iterdir()):
        content = path.read_bytes()
        yield path.name, verdict_rules().encode() + content if path.name == _SHEET else content


def verdict_rules() -> str:
    """A variable of its own for the colour of each verdict, and `--verdict` for that of what has its class."""
    light = {verdict: colours.light for verdict, colours in VERDICTS.items()}
    dark = {verdict: colours.dark for verdict, colours in VERDICTS.items() if colours.dark != colours.light}
    classes = "".join(f".{verdict} {{ --verdict: var(--{verdict}); }}\n" for verdict in VERDICTS)
    return f"{_variables(light)}@media (prefers-color-scheme: dark) {{ {_variables(dark).rstrip()} }}\n{classes}\n"


def _variables(colours: dict[str, Colour]) -> str:
    said = " ".join(f"--{verdict}: {css_colour(colour)};" for verdict, colour in colours.items())
    return f":root {{ {said} }}\n"


def css_colour(colour: Colour) -> str:
    """As "#00725a"."""
    return "#" + bytes(colour).hex()
