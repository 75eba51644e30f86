"""A real `dreamsweep up` in which maps can be made to fail, and a real browser."""

import os
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.faults.house import SITE, Faults
from tests.flows.being_up import Up
from tests.flows.tiny import saved, small_cnn, write_pictures

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class Place:
    """A data folder with an `up`, a model beside it, and what goes wrong in flow runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.faults = Faults(folder / "faults")
        self.faults.folder.mkdir()
        self.faults.mend()
        self.faults.forget()
        self.model = saved(small_cnn(), folder / "small.keras")
        self.data = write_pictures(folder / "pictures")
        path = os.pathsep.join(filter(None, [str(SITE), os.environ.get("PYTHONPATH")]))
        faulty = {"DREAMSWEEP_TEST_FAULTS": str(self.faults.folder), "PYTHONPATH": path}
        self.up = Up(folder / "data", "--allow", folder, **faulty)


@pytest.fixture(scope="package")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """One for all tests here."""
    found = Place(tmp_path_factory.mktemp("browser"))
    yield found
    assert found.up.end() == 0


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, with a profile of its own; the test is skipped where there is none."""
    executable = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if executable is None:
        pytest.skip("there is no chromium: apt-get install chromium")
    with sync_playwright() as playwright, closing(_launched(playwright, executable)) as chromium:
        yield chromium


def _launched(playwright: object, executable: str) -> Browser:
    chromium: Browser = playwright.chromium.launch(executable_path=executable, args=QUIET)  # type: ignore[attr-defined]
    return chromium


@pytest.fixture
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A tab without memory. No request of its pages leaves this machine; DREAMSWEEP_SCREENSHOTS names a folder for a
    picture of what is seen at the end."""
    left: list[str] = []
    with closing(browser.new_context(viewport={"width": 1400, "height": 1100})) as context:
        context.on("request", lambda asked: left.append(asked.url) if _is_outside(asked.url) else None)
        page = context.new_page()
        yield page
        if folder := os.environ.get("DREAMSWEEP_SCREENSHOTS"):
            page.screenshot(path=Path(folder, f"{request.node.name}.png"), full_page=True)
    assert left == []


def _is_outside(url: str) -> bool:
    return urlsplit(url).scheme.startswith("http") and urlsplit(url).hostname not in ("127.0.0.1", "localhost")
