"""What README and docs lead to is there. Links within the site are checked when it is built; these as files are."""

import re
import tomllib
from pathlib import Path

import pytest

from tests.docs.blocks import CHECKOUT, PACKAGES, pages

MADE = CHECKOUT / "docs" / "reference"
"""Written when the site is built."""
_LINK = re.compile(r"\]\(([^)\s]+)\)")


def links(page: Path) -> list[str]:
    """The addresses of links and pictures of a page that lead to files."""
    prose = re.sub(r"^ *```.*?^ *```", "", page.read_text(), flags=re.M | re.S)
    return [link for link in _LINK.findall(prose) if "://" not in link and not link.startswith("#")]


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.relative_to(CHECKOUT).as_posix())
def test_what_a_page_links_to_is_there(page: Path) -> None:
    targets = [(page.parent / link.partition("#")[0]).resolve() for link in links(page)]
    assert [target for target in targets if not target.exists() and target.parent != MADE] == []


def test_every_page_is_in_the_navigation_and_nothing_else() -> None:
    def named(entry: object) -> list[str]:
        if isinstance(entry, str):
            return [entry]
        parts = entry.values() if isinstance(entry, dict) else entry
        return [page for part in parts for page in named(part)]  # type: ignore[attr-defined]

    site = tomllib.loads((CHECKOUT / "zensical.toml").read_text())["project"]
    kept = {page.relative_to(CHECKOUT / "docs").as_posix() for page in pages()[1:]}
    made = {"reference/commands.md", "reference/settings.md"}
    assert set(named(site["nav"])) == kept | made


def test_readme_fits_a_few_screens_and_begins_with_pictures() -> None:
    lines = (CHECKOUT / "README.md").read_text().splitlines()
    assert len(lines) <= 120
    assert re.findall(r"docs/\w+\.\w+", "\n".join(lines[:6])) == ["docs/dreams.jpg", "docs/gallery.png"]


def test_every_environment_variable_of_ours_is_explained() -> None:
    code = [path.read_text() for package in PACKAGES for path in (CHECKOUT / package).rglob("*.py")]
    found = set(re.findall(r"\bDREAMSWEEP_[A-Z_]+\b", "\n".join(code)))
    explained = set(re.findall(r"^\| `(\w+)` \|", (CHECKOUT / "docs" / "store.md").read_text(), flags=re.M))
    assert found - explained == set()
