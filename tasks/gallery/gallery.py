"""A whole gallery: every page of a store, in one folder."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache, partial
from importlib import import_module
from modulefinder import ModuleFinder
from pathlib import Path
from typing import Any, Protocol

from lib.gallery.addresses import segment
from lib.registry import module_names
from storage.store import Store
from tasks.gallery import pages
from tasks.gallery.folder.site import Site, Written
from tasks.gallery.pages import compare_pages
from tasks.gallery.pages.layer_view import layers_of
from tasks.gallery.pages.section import Section
from tasks.gallery.reading.catalogue import Catalogue
from tasks.gallery.reading.remembered import Remembered
from tasks.session.kind import artifact_kinds

_CHECKOUT = Path(__file__).resolve().parents[2]


class Progress(Protocol):
    """What is told how far the gallery is."""

    def __call__(self, what: str, done: int, total: int, *, of: str) -> None:
        """So much of what is being done is done, of so many of these."""


def _tell_nobody(what: str, done: int, total: int, *, of: str) -> None:
    pass


def make_gallery(
    store: Store,
    out: Path,
    *,
    pairs: Sequence[tuple[str, str]] = (),
    progress: Progress = _tell_nobody,
    umask: int | None = None,
) -> Written:
    """Make the gallery of a store in a folder, or bring it up to date; only what changed is written.

    What is in it is put by the modules of `tasks.gallery.pages` that have a function `pages(catalogue, site)`; one with
    a `SECTION` always puts that page, and every head leads to it.

    Args:
        pairs: sweeps (ids of runs) to be compared besides those that always are; the gallery remembers them.
        progress: told what is being done, and how many parts of it are.
        umask: that of the files and folders; None: this process's.

    Raises BadInput where the folder holds other things, or cannot be written to, and for pairs that cannot be compared;
    StoreError where the store fails.
    """
    modules = [module for module in map(import_module, _page_modules()) if hasattr(module, "pages")]
    steps = len(modules) + 2
    tell = partial(progress, "gallery", of="parts")
    tell(0, steps)
    code = _code()
    with Site(out, sections=sections(), code=code, umask=umask) as site:
        # not before it is this generation's turn: what was seen earlier would undo what another has made meanwhile
        catalogue = _catalogue(store, site, code)
        compare_pages.check_pairs(catalogue, pairs)
        _remember(site, pairs)
        for done, module in enumerate(modules):
            tell(done + 1, steps)
            module.pages(catalogue, site)
        _put_units(catalogue, site)
        del catalogue  # of a large store it takes as much memory as what is written now
        written = site.finish()
    tell(steps, steps)
    return written


def _catalogue(store: Store, site: Site, code: str) -> Catalogue:
    """What the store holds; what is read of it is handed on, and not kept while pages are made."""
    remembered = Remembered(site.handed_on("records"), code)
    catalogue = Catalogue(store, remembered)
    if (read := remembered.to_bytes()) is not None:
        site.hand_on("records", read)
    return catalogue


def sections() -> list[tuple[str, str]]:
    """What the head of every page leads to, as (title, address)."""
    modules = map(import_module, _page_modules())
    found: list[Section] = [module.SECTION for module in modules if hasattr(module, "SECTION")]
    return [(one.title, one.address) for one in sorted(found, key=lambda section: section.place)]


def _remember(site: Site, pairs: Sequence[tuple[str, str]]) -> None:
    known: Any = site.memory.get("pairs", [])
    if new := [list(pair) for pair in dict.fromkeys(pairs) if list(pair) not in known]:
        site.memory["pairs"] = [*known, *new]


def _put_units(catalogue: Catalogue, site: Site) -> None:
    """The list that the search box reads: how many units each layer has, or which, where some are missing."""
    networks: list[Any] = []
    for network in catalogue.networks:
        layers: list[Any] = []
        for layer in layers_of(catalogue, network):
            known = layer.indices
            units = len(known) if known == list(range(len(known))) else known
            layers.append([layer.name, segment(layer.name), units])
        networks.append([network.title, network.slug, layers])
    # ASCII, so that no encoding can be mistaken, and no `</script>` can end anything
    text = f"window.dreamsweepUnits = {json.dumps(networks, separators=(',', ':'))};\n"
    site.file("static/units.js", text.encode, text)


def _page_modules() -> list[str]:
    return module_names(pages.__name__)


def modules_of_ours() -> Mapping[str, Path]:
    """All of our modules that a gallery is made with, by name, also what only functions import."""
    # nothing imports what is found by its folder
    return _modules_behind((__name__, *_page_modules(), *artifact_kinds().modules))


@cache  # it compiles them all, which takes a second or two; another import is another text of a module that is known
def _modules_behind(names: tuple[str, ...]) -> Mapping[str, Path]:
    finder = ModuleFinder(path=[str(_CHECKOUT)])
    for name in names:
        finder.import_hook(name)
    files = {name: getattr(module, "__file__", None) for name, module in sorted(finder.modules.items())}
    return {name: Path(file) for name, file in files.items() if file}


def _code() -> str:
    """A digest of these modules: where one of them changes, pages are made anew."""
    digest = hashlib.sha256()
    for name, file in modules_of_ours().items():
        digest.update(f"{name}\n".encode() + file.read_bytes())
    return digest.hexdigest()
