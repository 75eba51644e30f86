"""Pages of HTML from templates; everything in them that is not ours is escaped."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from lib import words
from lib.gallery import charts
from lib.gallery.addresses import way
from lib.gallery.breaks import breakable
from lib.gallery.style import STATIC

TEMPLATES = [Path(__file__).parent / "templates"]
"""Folders in which templates are looked for, one after the other."""


@dataclass(frozen=True)
class Page:
    """One page: its address, its template, and the plain JSON values that this shows.

    The values decide whether a page is rendered anew. Where making them costs something, `context` is what makes them,
    and `key` stands for them: as long as it stays the same, they would be the same.
    """

    address: str
    template: str
    context: Mapping[str, Any] | Callable[[], Mapping[str, Any]]
    key: str | None = None

    def values(self) -> Mapping[str, Any]:
        """What the template shows."""
        return self.context() if callable(self.context) else self.context

    def digest(self) -> str:
        """Two pages of the same template with the same digest have the same text."""
        text = self.key
        if text is None:
            text = json.dumps(self.values(), sort_keys=True, separators=(",", ":"), allow_nan=False)
        text = f"{self.template} {text}"
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class _Templates(Environment):
    """Templates whose `unit.name` is the value of a mapping: to look for an attribute first costs an exception each."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        if type(obj) is dict and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)


class Renderer:
    """Templates, read once. `sections`: what the head of every page leads to, as (title, address)."""

    def __init__(self, sections: Sequence[tuple[str, str]] = ()) -> None:
        self._templates = _Templates(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._templates.filters |= {**words.FILTERS, "breakable": breakable}
        self._templates.globals |= charts.DRAWN | {"sections": list(sections)}

    def html(self, page: Page) -> str:
        """The text of a page. Raises UndefinedError where its template shows what is not in its context."""
        values = {**page.values(), "address": page.address, "link": partial(way, page.address)}
        # a name that holds bytes which are no UTF-8 must not stop a page
        return self._templates.get_template(page.template).render(values).encode("utf-8", "replace").decode("utf-8")


@lru_cache(maxsize=1)
def templates_digest() -> str:
    """A digest of what a gallery is made with and is not code: the templates, and the files that every gallery has."""
    digest = hashlib.sha256()
    templates = (path for folder in TEMPLATES for path in folder.iterdir() if path.is_file())
    for path in sorted([*templates, *STATIC.iterdir()]):
        digest.update(f"{path.relative_to(path.parents[1])}\n".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
