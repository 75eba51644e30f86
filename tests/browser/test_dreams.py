"""Dreams from Prefect's UI, in both of its versions: the form, a picture that fails, and its retry."""

from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from storage.store import Store
from tests.browser.conftest import Place
from tests.browser.ui import VERSIONS, Ui, Version
from tests.flows.tiny import write_photograph

pytestmark = pytest.mark.slow


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> Version:
    """Each of the two UIs."""
    return request.param


@pytest.fixture
def ui(page: Page, place: Place, version: Version) -> Ui:
    """A UI in a tab of its own."""
    return Ui(page, place.up.note["ui"], version)


@pytest.fixture
def originals(place: Place, version: Version) -> Path:
    """Where pictures to be dreamed of are, unless others are named: two good ones, and one that is none."""
    folder = place.folder / "data" / "originals"
    write_photograph(folder / "rose.png", VERSIONS.index(version))
    write_photograph(folder / "garden" / "white lily 🌷.jpg", 5 + VERSIONS.index(version))
    (folder / "broken.jpg").write_bytes(b"no picture")
    return folder


def test_a_folder_is_dreamed_of_and_a_retry_dreams_only_what_failed(
    ui: Ui, place: Place, originals: Path, version: Version
) -> None:
    ui.open_form(place.up.deployment("dream")["id"])
    expect(ui.page.get_by_text("Resolutions that the picture is dreamed at")).to_be_visible()
    ui.field("Model").fill(str(place.model))
    ui.choose("Mode", "octaves")
    ui.field("Octaves").fill("0")
    said = ui.refused("Octaves")
    assert "octaves" in said or "greater than or equal to 1" in said
    ui.field("Octaves").fill("2")
    ui.field("Steps").fill("3")
    ui.submit()

    latest = {"flows": {"name": {"any_": ["dream"]}}, "sort": "START_TIME_DESC", "limit": 1}
    (run,) = place.up.ask("POST", "/flow_runs/filter", json=latest)
    ui.open_run(run["name"])
    assert ui.ends("Completed", "Failed", "Crashed") == "Failed"
    ui.tab("Details")
    expect(ui.page.get_by_text("1 of 3 dreams failed: broken.jpg").first).to_be_visible()
    dreams = place.folder / "data" / "dreams"
    assert (dreams / "rose.png.png").is_file()
    assert (dreams / "garden" / "white lily 🌷.jpg.png").is_file()

    write_photograph(originals / "broken.jpg", 9)
    ui.retry()
    assert ui.ends("Completed", "Crashed") == "Completed"
    store = Store.open(place.up.note["store"])
    units = store.run(store.ref("dream/latest").removeprefix("run:")).units
    assert {name for name, made in units.items() if made.how == "computed" and not name.startswith("/")} == {
        "broken.jpg"
    }

    ui.page.reload()
    ui.open_artifact("dreams")
    shown = ui.pictures()
    assert len(shown) == 3
    assert all(picture["natural"] > 30 for picture in shown)
    for link in ui.links_to(place.up.note["pictures"]):
        assert httpx.get(link, trust_env=False).is_success
