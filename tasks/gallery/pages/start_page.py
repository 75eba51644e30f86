"""The start page: every network as a picture of its layers, the latest sweeps and dreams."""

from lib.gallery.addresses import START
from lib.gallery.rendering import Page
from tasks.gallery.folder.site import Site
from tasks.gallery.pages.network_summary import latest_dreams, summary, sweep_rows
from tasks.gallery.pages.section import Section
from tasks.gallery.reading.catalogue import Catalogue

SECTION = Section("Networks", START, 1)
SWEEPS = 8
DREAMS = 8


def pages(catalogue: Catalogue, site: Site) -> None:
    """Put the start page."""
    context = {
        "networks": [summary(catalogue, network) for network in catalogue.networks],
        "sweeps": sweep_rows(catalogue, catalogue.sweeps, SWEEPS),
        "dreams": latest_dreams(catalogue, site, DREAMS),
    }
    site.put(Page(START, "start.html.j2", context))
