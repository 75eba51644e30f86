"""The gallery's networks, layers and units, opened from a disk in a real browser."""

from collections.abc import Iterator
from contextlib import closing
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from lib.gallery.addresses import layer_page, unit_page
from tests.tasks.gallery.made import Made
from tests.tasks.gallery.swept_store import ODD, SLUG, UNITS, swept_store

LAYER, UNIT = layer_page(SLUG, "Conv2D_1"), unit_page(SLUG, "Conv2D_1", 0)
KINDS = {
    "start": "index.html",
    "network": f"{SLUG}/index.html",
    "layer": LAYER,
    "odd layer": layer_page(SLUG, ODD),
    "unit": UNIT,
    "dead unit": unit_page(SLUG, "Conv2D_1", 2),
    "failed unit": unit_page(SLUG, ODD, 2),
}
AXE = Axe()


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("gallery")
    return Made(swept_store(folder / "store").store, folder / "gallery")


@pytest.fixture
def tab(page: Page) -> Iterator[Page]:
    """A tab in which nothing may go wrong."""
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    # what a page still loads when a key leads away from it is cut off, and has not failed
    page.on("requestfailed", lambda one: said.append(one.url) if one.failure != "net::ERR_ABORTED" else None)
    yield page
    assert said == []


def show(page: Page, gallery: Made, address: str) -> None:
    page.goto((gallery.out / address).as_uri())


def at(page: Page) -> str:
    """The heading of what is shown."""
    return page.get_by_role("heading", level=1).inner_text()


def units(page: Page) -> list[str]:
    """The units whose cells are seen, in the order in which they are."""
    cells = page.locator("ul[data-sorted] > li:visible")
    return [str(number) for number in cells.evaluate_all("all => all.map(one => one.dataset.number)")]


def test_from_the_start_a_unit_is_two_clicks_away(tab: Page, gallery: Made) -> None:
    show(tab, gallery, "index.html")
    tab.get_by_role("link", name="Conv2D_1").first.click()
    assert at(tab) == "Conv2D_1"
    tab.locator("ul.cells li[data-number='3'] a").click()
    assert at(tab).startswith("Conv2D_1/3")


def test_arrow_keys_lead_to_the_neighbours_and_up(tab: Page, gallery: Made) -> None:
    show(tab, gallery, UNIT)
    for key, heading in (
        ("ArrowLeft", "Conv2D_1/0"),  # there is none before
        ("ArrowRight", "Conv2D_1/1"),
        ("ArrowRight", "Conv2D_1/2"),
        ("ArrowLeft", "Conv2D_1/1"),
        ("ArrowUp", "Conv2D_1"),
        ("ArrowRight", ODD),
        ("ArrowUp", SLUG),
        ("ArrowUp", "Networks"),
    ):
        tab.keyboard.press(key)
        expect(tab.get_by_role("heading", level=1)).to_contain_text(heading)
        tab.wait_for_load_state()


def test_the_arrow_up_scrolls_a_page_before_it_leaves_it(tab: Page, gallery: Made) -> None:
    show(tab, gallery, UNIT)
    tab.evaluate("window.scrollTo(0, 500)")
    tab.keyboard.press("ArrowUp")
    tab.wait_for_timeout(200)
    assert at(tab).startswith("Conv2D_1/0")


def test_keys_of_a_field_are_left_to_it(tab: Page, gallery: Made) -> None:
    show(tab, gallery, LAYER)
    tab.get_by_label("response from").focus()
    tab.keyboard.press("ArrowUp")
    tab.keyboard.press("ArrowRight")
    assert at(tab) == "Conv2D_1"


def test_a_layer_is_filtered_by_verdict_class_response_and_ratio(tab: Page, gallery: Made) -> None:
    show(tab, gallery, LAYER)
    assert units(tab) == ["0", "1", "2", "3", "4"]
    status = tab.locator("form.controls [role=status]")
    expect(status).to_have_text(f"all {UNITS}")
    tab.get_by_label("on the data").select_option("never")
    assert units(tab) == ["2"]
    tab.get_by_label("on the data").select_option("active")
    assert units(tab) == ["0", "1", "3", "4"]
    tab.get_by_label("show").select_option("responded")
    assert units(tab) == ["0", "3", "4"]
    expect(status).to_have_text("3 of 5")
    tab.get_by_label("response from").fill("2")
    assert units(tab) == ["3", "4"]
    tab.get_by_label("ratio up to").fill("1.3")
    assert units(tab) == ["3"]
    tab.get_by_role("button", name="all").click()
    expect(status).to_have_text(f"all {UNITS}")
    assert units(tab) == ["0", "1", "2", "3", "4"]
    tab.get_by_label("prefers class").select_option("zero")
    assert units(tab) == ["0", "3"]


def test_a_layer_is_sorted_and_what_is_not_known_comes_last(tab: Page, gallery: Made) -> None:
    show(tab, gallery, LAYER)
    for order, expected in (
        ("response, strongest first", ["4", "3", "0", "1", "2"]),
        ("response ratio, lowest first", ["0", "3", "4", "1", "2"]),
        ("response ratio, highest first", ["4", "3", "0", "1", "2"]),
        ("verdict", ["2", "0", "3", "4", "1"]),
        ("number", ["0", "1", "2", "3", "4"]),
    ):
        tab.get_by_label("sort by").select_option(order)
        assert units(tab) == expected, order


def test_a_layer_is_filtered_and_sorted_by_how_good_its_pictures_are(tab: Page, gallery: Made) -> None:
    """Unit 2 never responds, and unit 4 was not measured: both come last, and fit no filter."""
    show(tab, gallery, LAYER)
    tab.get_by_label("from %").fill("50")
    assert units(tab) == ["0", "1", "3"]
    tab.get_by_label("to %").fill("75")
    assert units(tab) == ["0", "1"]
    tab.get_by_role("combobox", name="picture").select_option("kept after a turn of 4 degrees")
    assert units(tab) == ["3"]
    tab.get_by_role("button", name="all").click()
    expect(tab.locator("form.controls [role=status]")).to_have_text(f"all {UNITS}")
    for order, expected in (
        ("kept after a shift of 2 px, most first", ["3", "0", "1", "2", "4"]),
        ("kept after a blur of 1 px, least first", ["1", "0", "3", "2", "4"]),
        ("fine detail, most first", ["3", "2", "1", "0", "4"]),
    ):
        tab.get_by_label("sort by").select_option(order)
        assert units(tab) == expected, order


def test_one_box_finds_every_unit_from_everywhere(tab: Page, gallery: Made) -> None:
    show(tab, gallery, UNIT)
    tab.keyboard.press("/")
    box = tab.get_by_role("combobox", name="Find a unit")
    expect(box).to_be_focused()
    box.press_sequentially("conv1/4")
    options = tab.get_by_role("option")
    expect(options).to_have_count(1)
    expect(options).to_contain_text("Conv2D_1/4")
    box.press("Enter")
    expect(tab.get_by_role("heading", level=1)).to_contain_text("Conv2D_1/4")
    show(tab, gallery, "index.html")
    box.fill("3")
    expect(options).to_have_count(2)
    box.press("ArrowDown")
    expect(options.nth(1)).to_have_attribute("aria-selected", "true")
    box.press("Enter")
    expect(tab.get_by_role("heading", level=1)).to_contain_text(f"{ODD}/3")
    box.fill("nothing like it")
    expect(tab.get_by_text("no unit of this name")).to_be_visible()
    box.press("Escape")
    expect(tab.get_by_text("no unit of this name")).to_be_hidden()


def test_a_name_from_a_model_is_text_in_the_search_box_too(tab: Page, gallery: Made) -> None:
    show(tab, gallery, "index.html")
    tab.get_by_role("combobox").fill("back")
    expect(tab.get_by_role("option").first).to_contain_text(ODD)
    assert tab.locator("[role=option] b").count() == 0


def test_a_cell_is_as_large_as_an_eighth_of_the_page_and_shows_every_pixel(tab: Page, gallery: Made) -> None:
    show(tab, gallery, LAYER)
    picture = tab.locator("ul.cells img").first
    box = picture.bounding_box()
    assert box is not None
    assert box["width"] > 120
    assert picture.evaluate("one => getComputedStyle(one).imageRendering") == "pixelated"
    rows = tab.locator("ul.cells").evaluate("one => getComputedStyle(one).gridTemplateColumns.split(' ').length")
    assert rows == 8


@pytest.mark.parametrize(("scheme", "width"), [("light", 1400), ("dark", 360)])
@pytest.mark.parametrize("kind", KINDS)
def test_no_page_is_broken_wider_than_the_window_or_closed_to_anybody(
    tab: Page, gallery: Made, kind: str, scheme: Literal["light", "dark"], width: int
) -> None:
    tab.emulate_media(color_scheme=scheme)
    tab.set_viewport_size({"width": width, "height": 900})
    show(tab, gallery, KINDS[kind])
    assert tab.evaluate("document.documentElement.scrollWidth") == width
    tab.locator("img").evaluate_all("all => all.forEach(one => { one.loading = 'eager'; })")
    tab.wait_for_function("[...document.images].every(one => one.complete)")
    assert 0 not in tab.locator("img").evaluate_all("all => all.map(one => one.naturalWidth)")
    tab.locator("details").evaluate_all("all => all.forEach(one => { one.open = true; })")
    # what it would fetch itself is no part of the page
    found = AXE.run(tab, options={"preload": False}).response["violations"]
    serious = [one for one in found if one["impact"] in ("serious", "critical")]
    assert [(one["id"], [node["html"] for node in one["nodes"]][:3]) for one in serious] == []


def test_every_page_is_read_without_a_script(browser: Browser, gallery: Made) -> None:
    with closing(browser.new_context(java_script_enabled=False)) as context:
        page = context.new_page()
        for kind, address in KINDS.items():
            show(page, gallery, address)
            expect(page.get_by_role("main")).to_be_visible()
            expect(page.locator("form.controls")).to_have_count(1 if "layer" in kind else 0)
            assert page.locator("form.controls:visible, #search:visible").count() == 0
        show(page, gallery, LAYER)
        expect(page.locator("ul.cells > li:visible")).to_have_count(UNITS)
        page.locator("ul.cells li a").first.click()
        page.get_by_role("link", name="1 →").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("Conv2D_1/1")


def test_on_paper_stands_what_is_read_and_nothing_to_be_clicked(tab: Page, gallery: Made) -> None:
    show(tab, gallery, LAYER)
    tab.emulate_media(media="print")
    assert tab.locator("#search:visible, form.controls:visible, .top nav:visible").count() == 0
    expect(tab.locator("ul.cells > li:visible")).to_have_count(UNITS)
