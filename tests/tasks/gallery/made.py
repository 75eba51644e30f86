"""A gallery in a folder, as tests look at it."""

import re
from collections.abc import Sequence
from html import unescape
from pathlib import Path

from storage.store import Store
from tasks.gallery.folder.site import Written
from tasks.gallery.gallery import make_gallery

_LINK = re.compile(r'(?:href|src|srcset)="([^"#]*)')


class Made:
    """The gallery of a store, made when it is asked for and again by `again`."""

    def __init__(self, store: Store, out: Path) -> None:
        self.store, self.out = store, out
        self.again()

    def again(self, pairs: Sequence[tuple[str, str]] = ()) -> Written:
        """Make it, or bring it up to date."""
        return make_gallery(Store.open(self.store.root), self.out, pairs=pairs)

    def pages(self, below: str = "") -> list[str]:
        """The addresses of all pages below a folder."""
        return sorted(str(path.relative_to(self.out)) for path in (self.out / below).rglob("*.html"))

    def html(self, address: str) -> str:
        """The text of a page."""
        return (self.out / address).read_text(encoding="utf-8")

    def text(self, address: str) -> str:
        """What is read on a page, in one line."""
        main = self.html(address).split("<main", 1)[1].split(">", 1)[1]
        return " ".join(unescape(re.sub(r"<[^>]*>", " ", main)).split())

    def page_with(self, words: str, below: str) -> str:
        """The one page below a folder on which these words are read."""
        (found,) = [page for page in self.pages(below) if words in self.text(page)]
        return found

    def broken(self, below: str) -> list[str]:
        """What pages below a folder lead to, or show, that there is not."""
        found = []
        for page in self.pages(below):
            for link in _LINK.findall(self.html(page)):
                target = ((self.out / page).parent / unescape(link)).resolve()
                if link and not (target.is_file() and target.is_relative_to(self.out)):
                    found.append(f"{page}: {link}")
        return found
