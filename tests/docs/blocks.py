"""The fenced blocks of README and docs: what a reader copies, and whether the checks run it."""

import re
import shlex
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
_PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
PACKAGES: tuple[str, ...] = tuple(_PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])
"""The folders of the code."""
RUN_LANGUAGES = ("sh", "python")
LANGUAGES = (*RUN_LANGUAGES, "text", "json", "yaml")
"""What blocks may be in; the last are shown, never copied into a terminal."""

_BLOCK = re.compile(
    r"^(?:<!-- not run: (?P<reason>[^\n]+?) -->\n+)?(?P<indent> *)```(?P<language>\w*)[^\n]*\n(?P<body>.*?)^ *```$",
    re.M | re.S,
)


@dataclass(frozen=True)
class Block:
    """One fenced block. `reason`: why the checks do not run it; None where they do."""

    page: str
    line: int
    language: str
    body: str
    reason: str | None

    @property
    def name(self) -> str:
        """Where it is, as an editor opens it."""
        return f"{self.page}:{self.line}"

    @property
    def commands(self) -> list[list[str]]:
        """The words of each command of a block of shell, without comments."""
        lines = self.body.replace("\\\n", " ").splitlines()
        return [words for line in lines if (words := shlex.split(line, comments=True))]


def pages() -> list[Path]:
    """README and every page of docs that is kept in git, in the order of the site."""
    found = sorted((CHECKOUT / "docs").rglob("*.md"))
    return [CHECKOUT / "README.md", *(page for page in found if page.parent.name != "reference")]


def blocks() -> Iterator[Block]:
    """Every block of every page."""
    for page in pages():
        text = page.read_text()
        for match in _BLOCK.finditer(text):
            yield Block(
                page.relative_to(CHECKOUT).as_posix(),
                text.count("\n", 0, match.start("language")) + 1,
                match["language"],
                re.sub(f"^{match['indent']}", "", match["body"], flags=re.M),
                match["reason"],
            )
