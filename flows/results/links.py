"""Addresses of what runs made, for reports: what the picture server has, and pages of the gallery that are there."""

from urllib.parse import quote

from flows.forms.addresses import pictures_address
from flows.forms.places import GALLERY, gallery_of, store_place
from lib.gallery.addresses import run_page
from storage.files import without_password
from storage.record import Record
from storage.store import Store


def below_run(name: str) -> str:
    """The path of a picture below that of its run, by what the run calls it."""
    first = "%2F" if name.startswith("/") else ""  # a slash would lead to the server's root
    return f"{first}{quote(name.removeprefix('/'))}.png"


class Links:
    """Where links to what a store holds may lead: whole addresses, None where a link would lead nowhere.

    The picture server has the usual store alone: of any other there is no link, nor is there one where nobody knows the
    address of the picture server.
    """

    def __init__(self, store: Store) -> None:
        from tasks.gallery.reading.written_pages import WrittenPages

        usual = store_place()  # it may have a password in it, which the store does not say
        folder = gallery_of(usual if without_password(usual) == store.root else store.root)
        self._address = None if folder is None else pictures_address()
        self._pages = None if folder is None else WrittenPages(folder)

    def start(self) -> str | None:
        """The gallery's first page."""
        return self._at(self._pages.start) if self._pages else None

    def run(self, run: str) -> str | None:
        """The page of a run, which the picture server has whether the run has ended or not."""
        return self._at(run_page(quote(run)))

    def picture(self, run: str, name: str) -> str | None:
        """A picture of a run as it was made, by what the run calls it."""
        return self._address and f"{self._address}/runs/{quote(run)}/{below_run(name)}"

    def network(self, record: Record | None) -> str | None:
        """The page of the network that a record was made with."""
        identity = record.recipe_inputs.get("model") if record else None
        return self._at(self._pages.network(identity)) if self._pages and identity else None

    def page(self, record: Record) -> str | None:
        """The page that shows a record."""
        return self._at(self._pages.of(record)) if self._pages else None

    def _at(self, address: str | None) -> str | None:
        return None if address is None or self._address is None else f"{self._address}/{GALLERY}/{address}"
