"""What a run makes has a name each, and a file each."""

from pathlib import PurePosixPath

from hypothesis import given
from hypothesis import strategies as st

from lib.network.units import Unit
from lib.pictures.names import parse_name, show_name
from tasks.dream.pieces import Piece, animation_title, mask_title, tour_file, tour_title
from tasks.session.originals import original_title

# names that might be taken for those of other pieces
PARTS = st.sampled_from(
    [
        *("rose", "rose.jpg", "rose.jpg.Conv2D_1", "Conv2D_1", "0", "pass 1", "pass 2", "pass-1"),
        *("original", "tour", "mask", "animation", " ", "%41", "🌹.png"),
    ]
)
LAYERS = st.sampled_from(["Conv2D_1", "Conv2D_2", "backbone/first", "0"])
UNITS = st.builds(Unit, LAYERS, st.integers(0, 3))


def is_free(name: str, others: list[str]) -> bool:
    """Whether a file system lets a file have that name beside those."""
    mine = PurePosixPath(name)
    return not any(
        mine == other or mine in other.parents or other in mine.parents for other in map(PurePosixPath, others)
    )


@st.composite
def folders(draw: st.DrawFn) -> list[str]:
    """Names of the pictures of one folder: none is a folder in which another one lies."""
    names: list[str] = []
    for parts in draw(st.lists(st.lists(PARTS, min_size=1, max_size=3), min_size=1, max_size=8)):
        name = "/".join(parts)
        if is_free(name, names):
            names.append(name)
    return names


@given(folders(), st.integers(1, 4))
def test_no_two_titles_of_a_run_of_passes_are_the_same(names: list[str], passes: int) -> None:
    titles = [Piece(name, number, passes).title for name in names for number in range(1, passes + 1)]
    titles += [title(name) for name in names for title in (original_title, mask_title, animation_title)]
    assert len(set(titles)) == len(titles)


@given(folders(), st.sets(UNITS, min_size=1))
def test_no_two_titles_of_a_tour_are_the_same(names: list[str], units: set[Unit]) -> None:
    titles = [Piece(name, unit=unit).title for name in names for unit in units]
    titles += [tour_title(layer, name) for name in names for layer in {unit.layer for unit in units}]
    titles += [title(name) for name in names for title in (original_title, mask_title)]
    assert len(set(titles)) == len(titles)


@given(PARTS, st.integers(1, 4), st.sets(UNITS))
def test_no_two_files_of_one_picture_are_in_each_others_way(name: str, passes: int, units: set[Unit]) -> None:
    files = [f"{Piece(name, number, passes).file}.png" for number in range(1, passes + 1)]
    assert len(set(files)) == len(files)
    files = [f"{Piece(name, unit=unit).file}.png" for unit in units]
    files += [f"{tour_file(layer, name)}.png" for layer in {unit.layer for unit in units}]
    for at, file in enumerate(files):
        assert is_free(file, files[:at])


@given(PARTS, st.lists(st.sampled_from(["..", ".", "a", "%2F..%2F", "%2E%2E", "...", "two\nlines"]), min_size=1))
def test_what_a_layer_is_called_leads_nowhere_else(picture: str, parts: list[str]) -> None:
    layer = "/".join(parts)
    file = parse_name(Piece(show_name(picture), unit=Unit(layer, 3)).file)
    assert file == f"{parse_name(tour_file(layer, show_name(picture)))}/3"
    assert file.count("/") == len(parts), "as deep as the layer lies in its model"
    assert not {".", ".."} & set(file.split("/"))


def test_each_pass_begins_with_the_one_before() -> None:
    last = Piece("garden/rose.jpg", 3, 3)
    assert (last.title, last.file) == ("garden/rose.jpg", "garden/rose.jpg")
    assert (last.before.title, last.before.file) == ("garden/rose.jpg/pass 2", "garden/rose.jpg.pass-2")
    assert last.before.before == Piece("garden/rose.jpg", 1, 3)
