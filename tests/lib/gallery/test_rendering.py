"""Pages from templates: escaped, relative, and anew only where they would differ."""

import pytest
from jinja2 import UndefinedError

from lib.gallery.rendering import Page, Renderer

START = {"networks": [], "dreams": [], "sweeps": []}


def page(**changes: object) -> Page:
    return Page("index.html", "start.html.j2", {**START, **changes})


def test_what_a_template_shows_must_be_in_its_context() -> None:
    with pytest.raises(UndefinedError, match="networks"):
        Renderer().html(Page("index.html", "start.html.j2", {}))


def test_links_are_relative_to_the_page() -> None:
    renderer = Renderer([("Dreams", "dreams/index.html")])
    assert 'href="dreams/index.html"' in renderer.html(page())
    deep = renderer.html(Page("a/b/index.html", "start.html.j2", START))
    assert 'href="../../dreams/index.html"' in deep
    assert 'data-root="../../"' in deep


def test_the_section_of_a_page_is_marked() -> None:
    assert 'href="index.html" aria-current="page"' in Renderer([("Networks", "index.html")]).html(page())


def test_names_are_escaped_even_where_they_are_no_utf8() -> None:
    dream = {"address": "dreams/index.html", "picture": None, "title": '<img src=x onerror="a()">\udcff', "what": "&"}
    html = Renderer().html(page(dreams=[dream]))
    assert "<img src=x" not in html
    assert "&lt;img src=x onerror=&#34;a()&#34;&gt;?" in html


def test_equal_values_have_equal_digests_and_other_values_others() -> None:
    assert page().digest() == page().digest()
    assert page().digest() != page(sweeps=[1]).digest()


def test_a_key_stands_for_values_that_are_not_made() -> None:
    def never() -> dict[str, object]:
        raise AssertionError

    first, second = (Page("index.html", "start.html.j2", never, key) for key in ("a", "b"))
    assert first.digest() == Page("index.html", "start.html.j2", never, "a").digest() != second.digest()


def test_a_page_needs_no_inline_script_or_style() -> None:
    html = Renderer().html(page())
    assert "<script>" not in html
    assert " style=" not in html
    assert " onclick" not in html
