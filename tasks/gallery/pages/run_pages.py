"""The page of every run that has ended, of the latest ones, and the list of runs."""

import json

from lib.gallery.addresses import RUNS
from lib.gallery.rendering import Page
from storage.record import Record
from storage.runs import RunRecord
from tasks.gallery.folder.site import Site
from tasks.gallery.pages.oip_pictures import thumbnail
from tasks.gallery.pages.previews import preview_of, stored_png
from tasks.gallery.pages.run_view import Results, run_context, run_row, shown_titles
from tasks.gallery.pages.section import Section
from tasks.gallery.reading.catalogue import Catalogue
from tasks.gallery.reading.record_pages import RecordPages
from tasks.gallery.reading.swept import Grown
from tasks.sweep.kinds.oip import KIND as OIP

SECTION = Section("Runs", RUNS, 6)
THUMBNAIL = 320
"""Pixels of the longer side of a picture among others."""


def pages(catalogue: Catalogue, site: Site) -> None:
    """Put the page of each of the latest runs, and the list of them.

    A run that has ended changes no more: its page is put again only where what it leads to has changed.
    """
    pages_of = RecordPages(catalogue)
    for run, address in catalogue.run_addresses.items():
        with site.part(address, _facts(catalogue, pages_of, catalogue.runs[run])) as there:
            if not there:
                _put(catalogue, site, pages_of, catalogue.runs[run], address)
    listed = [run_row(run, catalogue.run_addresses.get(run.id)) for run in catalogue.latest_runs]
    site.put(Page(RUNS, "runs.html.j2", {"runs": listed, "earlier": len(catalogue.runs) - len(listed)}))


def _put(catalogue: Catalogue, site: Site, pages_of: RecordPages, run: RunRecord, address: str) -> None:
    pictures = _Pictures(catalogue, site)
    context = run_context(run, _made(catalogue, run), pictures, pages_of)
    site.put(Page(address, "run.html.j2", {**context, "live": False}))
    if not pictures.whole_run:
        site.left_out()


def _made(catalogue: Catalogue, run: RunRecord) -> Results:
    made = {}
    for title in shown_titles(run):
        key = run.units[title].record
        if (one := catalogue.grown.get(key) or catalogue.records.get(key)) is not None:
            made[title] = one
    return made


def _facts(catalogue: Catalogue, pages_of: RecordPages, run: RunRecord) -> str:
    """What decides the page of a run that has ended. Of its units only how many there still are: a sweep can have tens
    of thousands, and whether they have pages is decided by their network."""
    sweep = catalogue.sweeps_by_run.get(run.id)
    network = catalogue.network(sweep.identity) if sweep and sweep.identity else None
    others = [catalogue.records.get(result.record) for result in run.units.values() if result.kind != OIP.task]
    return json.dumps(
        [
            run.id,
            run.state,
            len(run.units),
            None if sweep is None else len(sweep.made),
            None if network is None else network.slug,
            [
                None if record is None else [record.key, pages_of.of(record), _network(pages_of, record)]
                for record in others
            ],
        ]
    )


def _network(pages_of: RecordPages, record: Record) -> str | None:
    return pages_of.network(record.recipe_inputs.get("model", ""))


class _Pictures:
    """The pictures of a run as files of the gallery. `whole_run`: whether all could be read."""

    def __init__(self, catalogue: Catalogue, site: Site) -> None:
        self._catalogue, self._site = catalogue, site
        self.whole_run = True

    def unit(self, title: str, grown: Grown) -> str | None:
        """The best OIP of a unit."""
        return self._noted(thumbnail(self._catalogue, self._site, grown))

    def small(self, title: str, digest: str) -> str | None:
        """A preview."""
        return self._noted(preview_of(self._site, self._catalogue.store, digest, THUMBNAIL))

    def whole(self, title: str, digest: str) -> str | None:
        """The store's own file."""
        return self._noted(stored_png(self._site, self._catalogue.store, digest))

    def _noted(self, address: str | None) -> str | None:
        self.whole_run = self.whole_run and address is not None
        return address
