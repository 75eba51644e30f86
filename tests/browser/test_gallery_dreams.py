"""The gallery's pages of dreams, sweeps side by side, training and decisions, opened from a disk in a real browser."""

from collections.abc import Iterator
from contextlib import closing
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.tasks.gallery.everything import everything
from tests.tasks.gallery.made import Made

AXE = Axe()
KINDS = {
    "dreams": ["with what a network sees in them", "3 passes.", "3 maps of Conv2D_1", "dreamed by Conv2D_1/0"],
    "compare": ["Two sweeps, unit by unit", "verdicts differ"],
    "runs": ["the newest first", "failed 3 <b>", "ValueError: no luck"],
    "training": ["at one checkpoint of their network's training", "at 3 checkpoints of its training"],
    "analysis": [
        "The confusion matrix and accuracy of each network",
        "Each row is a true class, each column a predicted class",
        "nine predicted as four 2 images",
        "Attribution for",
        "for these images",
        "what four and nine have in common",
    ],
}
"""What is read on a page of each kind."""


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("gallery")
    return Made(everything(folder / "store").store, folder / "gallery")


@pytest.fixture
def tab(page: Page) -> Iterator[Page]:
    """A tab in which nothing may go wrong."""
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    yield page
    assert said == []


def show(page: Page, gallery: Made, address: str) -> None:
    page.goto((gallery.out / address).as_uri())


def edge(page: Page) -> str:
    return str(page.locator("[data-slider-pictures]").evaluate("one => one.style.getPropertyValue('--edge')"))


def the_dream(gallery: Made) -> str:
    return gallery.page_with("3 passes.", "dreams")


def the_pair(gallery: Made) -> str:
    """Two sweeps, of which two units came to different verdicts."""
    return next(page for page in gallery.pages("compare") if gallery.html(page).count("data-differs") == 2)


def test_the_slider_is_moved_by_keys_and_by_hand(tab: Page, gallery: Made) -> None:
    show(tab, gallery, the_dream(gallery))
    slider = tab.get_by_role("slider")
    assert edge(tab) == "50%"
    slider.focus()
    slider.press("ArrowRight")
    assert edge(tab) == "51%"
    slider.press("Home")
    assert edge(tab) == "0%"
    assert slider.get_attribute("aria-valuetext") == "0 % before, 100 % after"
    box = tab.locator("[data-slider-pictures]").bounding_box()
    assert box is not None
    tab.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    tab.mouse.down()
    tab.mouse.move(box["x"] + 0.8 * box["width"], box["y"] + box["height"] / 2)
    assert edge(tab) == "80%"
    tab.mouse.up()
    tab.mouse.move(box["x"], box["y"] + box["height"] / 2)
    assert edge(tab) == "80%"


def test_both_pictures_of_the_slider_lie_on_each_other(tab: Page, gallery: Made) -> None:
    show(tab, gallery, the_dream(gallery))
    before, after = (tab.locator(f"[data-slider] .{name} img").bounding_box() for name in ("before", "after"))
    assert before == after


def test_arrow_keys_lead_through_the_maps_of_a_tour(tab: Page, gallery: Made) -> None:
    show(tab, gallery, gallery.page_with("dreamed by Conv2D_1/0", "dreams"))
    tab.keyboard.press("ArrowRight")
    expect(tab.get_by_role("heading", level=1)).to_contain_text("dreamed by Conv2D_1/1")
    tab.wait_for_load_state()  # keys are heard once the page's script has run
    tab.keyboard.press("ArrowUp")
    expect(tab.get_by_role("heading", level=1)).to_contain_text("3 maps of Conv2D_1")


def test_only_units_whose_verdicts_differ_are_left_on_request(tab: Page, gallery: Made) -> None:
    show(tab, gallery, the_pair(gallery))
    units = tab.locator(".compared > li:visible")
    many = units.count()
    tab.get_by_label("only where verdicts differ").check()
    expect(units).to_have_count(2)
    expect(tab.locator("[data-only] [role=status]")).to_have_text(f"2 of {many}")
    tab.get_by_label("only where verdicts differ").uncheck()
    expect(units).to_have_count(many)


def test_films_run_until_they_are_held_at_a_checkpoint(tab: Page, gallery: Made) -> None:
    show(tab, gallery, "training/one-55555555/Conv2D_1/index.html")
    expect(tab.locator("[data-moving]:visible")).to_have_count(2)
    slider = tab.get_by_role("slider")
    slider.focus()
    slider.press("Home")
    expect(tab.locator("output")).to_have_text("epoch 1")
    expect(tab.locator("[data-moving]:visible")).to_have_count(0)
    expect(tab.locator("[data-still]:visible")).to_have_count(1)
    expect(tab.locator("[data-none]:visible")).to_have_count(1)  # the other unit was silent there
    slider.press("End")
    expect(tab.locator("[data-still]:visible")).to_have_count(2)
    tab.get_by_role("button", name="Film").click()
    expect(tab.locator("[data-moving]:visible")).to_have_count(2)


def test_nothing_moves_by_itself_for_whoever_wants_that(browser: Browser, gallery: Made) -> None:
    for script in (True, False):
        with closing(browser.new_context(reduced_motion="reduce", java_script_enabled=script)) as context:
            page = context.new_page()
            show(page, gallery, "training/one-55555555/Conv2D_1/index.html")
            shown = page.locator("[data-film] img:visible").first
            expect(shown).to_be_visible()
            if script:
                assert str(shown.evaluate("one => one.currentSrc")).endswith(".png")
                page.get_by_role("button", name="Film").click()
                moving = page.locator("[data-moving] img").first
                expect(moving).to_be_visible()
                page.wait_for_function("document.querySelector('[data-moving] img').currentSrc.endsWith('.webp')")


def test_every_page_can_be_read_without_a_script(browser: Browser, gallery: Made) -> None:
    with closing(browser.new_context(java_script_enabled=False)) as context:
        page = context.new_page()
        show(page, gallery, the_dream(gallery))
        boxes = [page.locator(f"[data-slider] .{name} img").bounding_box() for name in ("before", "after")]
        assert boxes[0] is not None
        assert boxes[1] is not None
        assert boxes[0]["x"] + boxes[0]["width"] <= boxes[1]["x"]  # beside each other
        expect(page.get_by_role("slider")).to_have_count(0)
        show(page, gallery, the_pair(gallery))
        expect(page.get_by_label("only where verdicts differ")).to_be_hidden()
        show(page, gallery, "training/one-55555555/Conv2D_1/index.html")
        expect(page.locator("[data-frame] img").first).to_be_visible()


def test_a_number_of_the_matrix_leads_to_its_images_and_these_to_what_layers_make_of_them(
    tab: Page, gallery: Made
) -> None:
    show(tab, gallery, "analysis/one-55555555/index.html")
    tab.get_by_role("link", name="2 images of nine predicted as four").click()
    expect(tab.get_by_role("heading", level=1)).to_have_text("nine predicted as four")
    tab.get_by_role("link", name="test/4").click()
    expect(tab.get_by_role("heading", level=1)).to_have_text("test/4")
    expect(tab.get_by_role("img", name="The activations of every unit of Conv2D_1")).to_be_visible()


@pytest.mark.parametrize(("width", "scheme"), [(1400, "light"), (390, "dark")])
@pytest.mark.parametrize("section", KINDS)
def test_no_page_is_broken_wider_than_the_window_or_closed_to_anybody(
    tab: Page, gallery: Made, section: str, width: int, scheme: Literal["light", "dark"]
) -> None:
    texts = {address: gallery.text(address) for address in gallery.pages(section)}
    kinds = [next(address for address, text in texts.items() if words in text) for words in KINDS[section]]
    tab.set_viewport_size({"width": width, "height": 900})
    tab.emulate_media(color_scheme=scheme)
    for address in kinds:
        show(tab, gallery, address)
        assert tab.evaluate("document.documentElement.scrollWidth") <= width, address
        tab.locator("img").evaluate_all("all => all.forEach(one => { one.loading = 'eager' })")
        tab.wait_for_function("[...document.images].every(one => one.complete)")
        broken = "[...document.images].filter(one => one.src && !one.naturalWidth).map(one => one.src)"
        assert tab.evaluate(broken) == [], address
        # what it would fetch itself is no part of the page
        found = AXE.run(tab, options={"preload": False}).response["violations"]
        serious = [one for one in found if one["impact"] in ("serious", "critical")]
        assert [(one["id"], one["nodes"][0]["html"]) for one in serious] == [], address


def test_what_a_file_is_called_runs_nowhere(tab: Page, gallery: Made) -> None:
    tab.on("dialog", lambda dialog: pytest.fail(dialog.message))
    for address in ("dreams/index.html", the_dream(gallery), "analysis/one-55555555/index.html"):
        show(tab, gallery, address)
        expect(tab.get_by_role("heading", level=1)).to_be_visible()
