"""The gallery's own files: colours of verdicts in the style sheet are those of the pictures."""

import re

from lib.gallery.style import STATIC, static_files, verdict_rules
from lib.verdict_colours import VERDICTS


def test_the_style_sheet_begins_with_the_colours_of_the_verdicts() -> None:
    files = dict(static_files())
    assert set(files) == {path.name for path in STATIC.iterdir()}
    assert files["gallery.css"] == verdict_rules().encode() + (STATIC / "gallery.css").read_bytes()
    assert files["gallery.js"] == (STATIC / "gallery.js").read_bytes()


def test_each_verdict_has_its_colour_in_light_and_in_dark_and_a_class_that_takes_it() -> None:
    light, dark = verdict_rules().split("@media (prefers-color-scheme: dark)")
    for verdict, colours in VERDICTS.items():
        assert f"--{verdict}: #{bytes(colours.light).hex()};" in light
        assert (f"--{verdict}: #{bytes(colours.dark).hex()};" in dark) == (colours.dark != colours.light)
        assert f".{verdict} {{ --verdict: var(--{verdict}); }}" in dark


def test_no_colour_of_a_verdict_is_said_a_second_time() -> None:
    assert not re.findall("|".join(rf"--{verdict}:" for verdict in VERDICTS), (STATIC / "gallery.css").read_text())
