"""A gallery that commit d371d4e wrote is brought up to date by the present code, and loses no page."""

from pathlib import Path

import pytest

from tests.compatibility.conftest import Ask

pytestmark = pytest.mark.heavy


def test_the_gallery_is_brought_up_to_date_and_loses_no_address(ask: Ask, home: Path) -> None:
    def addresses() -> set[str]:
        return {str(path.relative_to(home / "gallery")) for path in (home / "gallery").rglob("*.html")}

    before = addresses()
    answer = ask("gallery", "--out", "gallery")
    assert len(before) > 40
    assert before <= addresses()
    assert answer["gallery"] == str(home / "gallery" / "index.html")
    assert not ask("gallery", "--out", "gallery")["written"]
