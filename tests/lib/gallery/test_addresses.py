"""Addresses: for any name one that is its own, and that leads nowhere else."""

import posixpath
import string

from hypothesis import example, given
from hypothesis import strategies as st

from lib.gallery.addresses import LONGEST, is_address, layer_page, segment, unit_page, way

NAMES = st.text(max_size=300)


@given(NAMES, NAMES)
@example("a.b", "a~2Eb")
@example("", "~")
@example("con", "~63on")
@example("x" * 200, "x" * 201)
def test_no_two_names_share_a_segment(one: str, other: str) -> None:
    assert (segment(one) == segment(other)) == (one == other)


@given(NAMES)
@example("..")
@example("/etc/passwd")
@example("NUL")
@example("index.html")
@example("\udcff<b>")
def test_a_segment_is_safe_in_a_url_and_on_every_file_system(name: str) -> None:
    made = segment(name)
    assert set(made) <= set(string.ascii_letters + string.digits + "_-~")
    assert 0 < len(made) <= LONGEST
    assert made.lower() not in {"con", "prn", "aux", "nul", "com1", "lpt9"}
    assert is_address(layer_page("network-1a2b3c4d", name))


def test_usual_names_stay_as_they_are() -> None:
    assert segment("Conv2D_2") == "Conv2D_2"
    assert unit_page("mnist-57b7b5ae", "Conv2D_2", 17) == "mnist-57b7b5ae/Conv2D_2/17/index.html"


def test_what_leads_out_of_a_gallery_is_no_address() -> None:
    for text in ("", "/index.html", "../index.html", "a/../b.html", "a//b", ".hidden", "a/b/", "a b", "a.b.c"):
        assert not is_address(text)
    for text in ("index.html", "a/b/oips.npy", "media/ab/0f.png", "back~2Fconv/3/index.html"):
        assert is_address(text)


ADDRESSES = st.lists(st.sampled_from("abc"), max_size=4).map(lambda parts: "/".join([*parts, "index.html"]))


@given(ADDRESSES, ADDRESSES)
def test_the_way_leads_from_a_page_to_an_address_and_is_the_shortest(page: str, address: str) -> None:
    found = way(page, address)
    folder = posixpath.dirname(f"/{page}")
    assert posixpath.normpath(posixpath.join(folder, found)) == f"/{address}"
    assert len(found) <= len(posixpath.relpath(f"/{address}", folder)) + len("./")


def test_the_way_to_the_gallerys_folder_ends_in_a_slash() -> None:
    assert way("index.html", "") == "./"
    assert way("a/b/c/index.html", "") == "../../../"
