"""Sweeps and dreams from Prefect's UI: the form, the run, its pictures, and Retry; and that its old UI opens."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from storage.store import Store
from tests.browser.conftest import Place
from tests.browser.ui import Ui
from tests.flows.being_up import wait_until
from tests.flows.tiny import MAPS, UNITS, write_photograph

pytestmark = pytest.mark.slow

FAILING = ("Conv2D_1/2", "Conv2D_2/0", "Conv2D_2/5")
GROWTH = {"oips": 2, "starts": 4, "steps": 16}
DEPLOYED = ("train", "oip-sweep", "dream", "analyse", "nightly")
LABELS = {"OIPs per unit": "oips", "Restarts per unit": "starts", "Steps": "steps"}


@pytest.fixture
def ui(page: Page, place: Place) -> Ui:
    """Prefect's new UI in a tab of its own, which came in by a link."""
    page.goto(place.up.link())
    return Ui(page, f"{place.up.note['ui']}/v2")


@pytest.fixture
def originals(place: Place) -> Path:
    """Where pictures to be dreamed of are, unless others are named: two good ones, and one that is none."""
    folder = place.folder / "data" / "originals"
    write_photograph(folder / "rose.png", 0)
    write_photograph(folder / "garden" / "white lily 🌷.jpg", 5)
    (folder / "broken.jpg").write_bytes(b"no picture")
    return folder


def runs(place: Place) -> list[dict[str, Any]]:
    """The flow runs of deployments, the newest last."""
    found = place.up.ask("POST", "/flow_runs/filter", json={"deployments": {"name": {"any_": ["dreamsweep"]}}})
    return sorted(found, key=lambda run: str(run["created"]))


def ended(ui: Ui, place: Place, run: str) -> str:
    """How a run has ended, as its page shows it. Until then the tab is empty: the page's graph takes half a core."""
    ui.page.goto("about:blank")
    place.up.wait_for(run)
    ui.open_run(run)
    return ui.ending()


def how_units_were_made(place: Place) -> dict[str, str]:
    """By unit, whether the last run of the store computed or reused it."""
    store = Store.open(place.up.note["store"])
    record = store.run(store.ref("sweep/latest").removeprefix("run:"))
    return {unit: made.how for unit, made in record.units.items() if unit in UNITS}


def fill_in_a_sweep(ui: Ui, place: Place) -> None:
    """Say in the form what is swept, and how."""
    ui.open_form(place.up.deployment("oip-sweep")["id"])
    expect(ui.page.get_by_text("How many random start images the ascents of a unit begin from")).to_be_visible()
    expect(ui.page.get_by_text("How many optimisation steps an OIP takes")).to_be_visible()
    ui.choose("Constraint", "box")
    ui.field("Model").fill(str(place.model))
    ui.field("Data set").fill(place.data)
    ui.field("Pixels").fill("0..1")
    for label, name in LABELS.items():
        ui.field(label).fill(str(GROWTH[name]))


def test_what_a_field_cannot_take_is_refused_by_the_form_and_starts_nothing(ui: Ui, place: Place) -> None:
    before = len(runs(place))
    fill_in_a_sweep(ui, place)
    ui.field("Restarts per unit").fill("-1")
    said = ui.refused("Restarts per unit")
    assert "growth.starts" in said or "greater than or equal to 0" in said
    assert len(runs(place)) == before


def test_a_sweep_is_submitted_and_a_retry_computes_the_maps_that_failed_and_all_lead_to_their_pictures(
    ui: Ui, place: Place
) -> None:
    place.faults.set(**{unit: {"do": "raise", "error": "ValueError"} for unit in FAILING})
    fill_in_a_sweep(ui, place)
    ui.submit()
    run = runs(place)[-1]
    growth = run["parameters"]["growth"]
    assert growth | GROWTH | {"constraint": "box"} == growth
    assert ended(ui, place, run["id"]) == "Failed"
    ui.tab("Details")
    expect(ui.page.get_by_text(f"3 of 10 maps failed: {', '.join(FAILING)}").first).to_be_visible()

    place.faults.mend()
    place.faults.forget()
    ui.retry()
    assert ended(ui, place, run["id"]) == "Completed"
    made = how_units_were_made(place)
    assert set(made) == set(UNITS)
    assert {unit for unit, how in made.items() if how == "computed"} == set(FAILING)
    assert {unit for unit in UNITS if place.faults.happened(f"{unit} begins")} == set(FAILING)

    ui.tab("Subflow Runs")
    for layer in MAPS:
        expect(ui.page.get_by_text(layer, exact=True).first).to_be_visible()
    ui.follow_run("Conv2D_2")
    ui.tab("Task Runs")
    for index in range(MAPS["Conv2D_2"]):
        expect(ui.page.get_by_text(f"Conv2D_2/{index}", exact=True).first).to_be_visible()
    ui.open_run(run["id"])
    ui.open_artifact("sweep")
    expect(ui.page.get_by_role("table")).to_contain_text("responded")
    assert_artifact_leads_to_pictures(ui, place)


def assert_artifact_leads_to_pictures(ui: Ui, place: Place) -> None:
    """The report of a sweep shows its sheets, and its links lead to them and to the gallery's page of a unit."""
    sheets = ui.pictures()
    assert len(sheets) == len(MAPS)
    assert all(sheet["natural"] > 300 and sheet["shown"] > 300 for sheet in sheets)
    links = ui.links_to(place.up.note["pictures"])
    for link in links:
        assert place.up.get(link).is_success
    whole = [link for link in links if link.endswith(".png")]
    assert len(whole) == len(MAPS)
    ui.page.goto(whole[-1])
    assert ui.pictures()[0]["natural"] > 300
    for layer in MAPS:
        assert sum(link.endswith(f"/{layer}/index.html") for link in links) == 2  # in the table, and over its sheet
    ui.page.goto(next(link for link in links if "/gallery/runs/" in link))
    expect(ui.page.get_by_role("heading", level=1)).to_contain_text("oip-sweep")
    ui.page.locator("a[href$='/Conv2D_2/3/index.html']").click()
    expect(ui.page.get_by_role("heading", level=1)).to_contain_text("Conv2D_2/3")
    assert ui.pictures()[0]["natural"] >= 12


def test_a_folder_is_dreamed_of_and_a_retry_dreams_only_what_failed(ui: Ui, place: Place, originals: Path) -> None:
    ui.open_form(place.up.deployment("dream")["id"])
    expect(ui.page.get_by_text("At how many resolutions mode octaves dreams")).to_be_visible()
    ui.field("Model").fill(str(place.model))
    ui.field("Pixels").fill("0..1")
    ui.choose("Mode", "octaves")
    ui.field("Octaves").fill("0")
    said = ui.refused("Octaves")
    assert "octaves" in said or "greater than or equal to 1" in said
    ui.field("Octaves").fill("2")
    ui.field("Steps").fill("3")
    ui.submit()

    latest = {"flows": {"name": {"any_": ["dream"]}}, "sort": "START_TIME_DESC", "limit": 1}
    (run,) = place.up.ask("POST", "/flow_runs/filter", json=latest)
    assert ended(ui, place, run["id"]) == "Failed"
    ui.tab("Details")
    expect(ui.page.get_by_text("1 of 3 dreams failed: broken.jpg").first).to_be_visible()
    dreams = place.folder / "data" / "dreams"
    assert (dreams / "rose.png.png").is_file()
    assert (dreams / "garden" / "white lily 🌷.jpg.png").is_file()

    write_photograph(originals / "broken.jpg", 9)
    ui.retry()
    assert ended(ui, place, run["id"]) == "Completed"
    store = Store.open(place.up.note["store"])
    units = store.run(store.ref("dream/latest").removeprefix("run:")).units
    assert {name for name, made in units.items() if made.how == "computed" and not name.startswith("/")} == {
        "broken.jpg"
    }

    ui.open_artifact("dreams")
    expect(ui.page.get_by_role("heading", name="rose.png")).to_be_visible()
    shown = ui.pictures()
    assert len(shown) >= 2  # before the retry, or after it: both have left one
    assert all(picture["natural"] > 30 for picture in shown)
    links = ui.links_to(place.up.note["pictures"])
    assert any("/gallery/dreams/" in link for link in links), links
    for link in links:
        assert place.up.get(link).is_success


@pytest.mark.parametrize("which", ["old", "new"])
def test_editing_a_deployment_keeps_what_differs_and_freezes_no_default(page: Page, place: Place, which: str) -> None:
    ui = Ui(page, place.up.note["ui"] + ("/v2" if which == "new" else ""))
    page.goto(place.up.link())
    nightly = place.up.deployment("nightly")["id"]

    def edited() -> bool:
        ui.open_edit(nightly)
        expect(ui.label("Store")).to_have_count(0)
        ui.field("Budget (minutes)").fill("5")
        ui.field("OIPs per unit").fill("2")
        ui.save()
        saved = place.up.deployment("nightly")["parameters"]
        return saved.get("budget") == 5 and saved.get("growth", {}).get("oips") == 2

    try:
        # The new UI asks for the deployment now and then, and where something has changed, empties what is filled in.
        wait_until(edited, seconds=150)
        saved = place.up.deployment("nightly")["parameters"]
        assert not {"store", "data_dir", "parameters"} & set(saved)
        kept = {"budget": 5, "growth": {"oips": 2}}
        wait_until(lambda: place.up.deployment("nightly")["parameters"] == kept, seconds=150)
    finally:
        place.up.ask("PATCH", f"/deployments/{nightly}", json={"parameters": {}})


def test_a_store_that_was_saved_and_that_no_form_shows_is_taken_out_by_the_json_input(page: Page, place: Place) -> None:
    ui = Ui(page, place.up.note["ui"])
    page.goto(place.up.link())
    nightly = place.up.deployment("nightly")["id"]
    try:
        place.up.ask("PATCH", f"/deployments/{nightly}", json={"parameters": {"store": "/elsewhere", "budget": 5}})
        ui.open_edit(nightly)
        expect(ui.label("Store")).to_have_count(0)
        ui.edit_as_json('{"budget": 5}')
        ui.save()
        assert place.up.deployment("nightly")["parameters"] == {"budget": 5}
    finally:
        place.up.ask("PATCH", f"/deployments/{nightly}", json={"parameters": {}})


def test_a_typo_that_the_form_cannot_know_fails_within_seconds_with_its_message_first(place: Place) -> None:
    run = place.up.start("oip-sweep", model=str(place.model), data=place.data, layers=["Conv2D_3"])
    state = place.up.wait_for(run)
    assert (state["type"], state["message"]) == ("FAILED", "no layer 'Conv2D_3': did you mean Conv2D_2, Conv2D_1?")
    assert place.up.ask("GET", f"/flow_runs/{run}")["total_run_time"] < 5


def test_the_old_ui_lists_the_deployments_and_opens_the_form(page: Page, place: Place) -> None:
    ui = Ui(page, place.up.note["ui"])
    page.goto(place.up.link())
    page.goto(f"{ui.address}/deployments")
    for flow in DEPLOYED:
        expect(page.locator(f"a[href*='{place.up.deployment(flow)['id']}']").first).to_be_visible()
    ui.open_form(place.up.deployment("oip-sweep")["id"])
    expect(ui.field("Batch size")).to_have_value("64")
    expect(page.get_by_role("button", name="Submit")).to_be_visible()
