"""A folder that holds a gallery: what is written, what is left, and what is never touched."""

import json
import multiprocessing
import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lib.errors import BadInput
from lib.gallery.rendering import Page
from lib.gallery.style import static_files
from tasks.gallery.folder.site import Site, Written

OWN = len(list(static_files()))
"""Files that every gallery has."""


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "gallery"


def data(text: str) -> Callable[[], bytes]:
    return text.encode


def generation(out: Path, files: Mapping[str, str]) -> Written:
    """One generation of these files, whose contents are also their keys."""
    with Site(out) as site:
        for address, text in files.items():
            site.file(address, text.encode, text)
        return site.finish()


def contents(out: Path) -> dict[str, str]:
    """What there is, but for what every gallery has and for what is its own."""
    return {
        str(path.relative_to(out)): path.read_text()
        for path in out.rglob("*")
        if path.is_file() and path.relative_to(out).parts[0] not in (".gallery", "static")
    }


def test_only_what_changed_is_written(out: Path) -> None:
    assert generation(out, {"a/b.json": "1", "c.json": "2"}) == Written(2 + OWN, 0, 0)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}
    assert generation(out, {"a/b.json": "1", "c.json": "2"}) == Written(0, 2 + OWN, 0)
    assert {path: path.stat().st_mtime_ns for path in before if path.name != "lock"} == {
        path: when for path, when in before.items() if path.name != "lock"
    }
    assert generation(out, {"a/b.json": "3", "c.json": "2"}) == Written(1, 1 + OWN, 0)
    assert contents(out) == {"a/b.json": "3", "c.json": "2"}


def test_what_is_not_made_any_more_is_removed_with_its_folder(out: Path) -> None:
    generation(out, {"a/b/c.json": "1", "a/d.json": "2"})
    assert generation(out, {"a/d.json": "2"}).removed == 1
    assert contents(out) == {"a/d.json": "2"}
    assert not (out / "a/b").exists()


def test_files_of_others_are_never_removed_or_written_over(out: Path) -> None:
    generation(out, {"a/b.json": "1"})
    (out / "a/own.txt").write_text("mine")
    (out / "CNAME").write_text("example.org")
    generation(out, {})
    assert contents(out) == {"a/own.txt": "mine", "CNAME": "example.org"}
    (out / "a/b.json").write_text("mine too")
    with pytest.raises(BadInput, match=r"a/b\.json is in the way"):
        generation(out, {"a/b.json": "1"})
    assert contents(out)["a/b.json"] == "mine too"


def test_a_folder_with_other_things_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(BadInput, match="holds other things than a gallery"):
        generation(tmp_path, {"a.json": "1"})
    assert list(tmp_path.iterdir()) == [tmp_path / "thesis.tex"]
    with pytest.raises(BadInput, match="is a file"):
        generation(tmp_path / "thesis.tex", {"a.json": "1"})


def test_a_place_that_cannot_be_written_to_is_said_in_one_line() -> None:
    with pytest.raises(BadInput, match="no gallery can be written to /proc/nowhere"):
        generation(Path("/proc/nowhere"), {})


def test_a_file_that_was_deleted_or_cut_short_is_made_again(out: Path) -> None:
    files = {"a.json": "long enough", "b.json": "2"}
    generation(out, files)
    (out / "a.json").write_text("")  # as a power cut leaves it
    (out / "b.json").unlink()
    assert generation(out, files).written == 2
    assert contents(out) == files


def test_a_generation_that_broke_off_is_mended_by_the_next(out: Path) -> None:
    generation(out, {"old.json": "1", "same.json": "1"})
    with Site(out) as site:
        site.file("old.json", data("2"), "2")
        site.file("new/orphan.json", data("x"), "x")
    assert "new/orphan.json" in contents(out)
    # what it may have written counts as unknown: written where it is wanted, removed where it is not
    assert generation(out, {"old.json": "1", "same.json": "1"}) == Written(1, 1 + OWN, 1)
    assert contents(out) == {"old.json": "1", "same.json": "1"}


def _until_killed(out: Path, begun: Any) -> None:
    with Site(out) as site:
        for number in range(10**6):
            site.file(f"many/{number}.json", data("x"), str(number))
            if number == 50:
                begun.set()


def test_a_killed_generation_leaves_no_lock_and_nothing_that_stays_for_ever(out: Path) -> None:
    context = multiprocessing.get_context("spawn")
    begun = context.Event()
    process = context.Process(target=_until_killed, args=(out, begun))
    process.start()
    assert begun.wait(60)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert generation(out, {"kept.json": "1"}).written == 1 + OWN
    assert contents(out) == {"kept.json": "1"}


def _counting(out: Path, number: int) -> None:
    for _ in range(10):
        generation(out, {"who.json": str(number), f"own-{number}.json": "x"})


def test_two_processes_take_turns(out: Path) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_counting, args=(out, number)) for number in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    (last,) = {text for name, text in contents(out).items() if name == "who.json"}
    assert contents(out) == {"who.json": last, f"own-{last}.json": "x"}


def test_a_picture_is_made_once_and_shared(out: Path) -> None:
    made = []

    def make() -> bytes:
        made.append(1)
        return b"png"

    with Site(out) as site:
        assert site.picture("exemplar 7", make) == site.picture("exemplar 7", make)
        assert site.picture("exemplar 8", make) != site.picture("exemplar 7", make)
        site.finish()
    assert len(made) == 2


def test_what_one_generation_remembers_the_next_knows(out: Path) -> None:
    with Site(out) as site:
        site.memory["pairs"] = [["a", "b"]]
        site.finish()
    with Site(out) as site:
        assert site.memory == {"pairs": [["a", "b"]]}


def test_two_different_files_at_one_address_are_a_mistake(out: Path) -> None:
    with Site(out) as site:
        site.file("a.json", data("1"), "1")
        with pytest.raises(ValueError, match="two different files"):
            site.file("a.json", data("2"), "2")


def test_no_address_leads_out_of_the_folder(out: Path) -> None:
    with Site(out) as site, pytest.raises(ValueError, match="no address"):
        site.file("../evil.json", data("1"), "1")


def test_a_manifest_that_names_files_elsewhere_removes_none_of_them(out: Path) -> None:
    generation(out, {"a.json": "1"})
    precious = out.parent / "precious.txt"
    precious.write_text("mine")
    manifest = out / ".gallery/manifest.json"
    document = json.loads(manifest.read_bytes())
    document["files"]["../precious.txt"] = "0" * 32 + "4"
    manifest.write_text(json.dumps(document))
    generation(out, {})
    assert precious.read_text() == "mine"


def test_of_a_manifest_of_an_earlier_form_files_are_made_again_and_what_was_remembered_stays(out: Path) -> None:
    with Site(out) as site:
        site.memory["pairs"] = [["a", "b"]]
        for name in ("kept.json", "gone.json"):
            site.file(name, name.encode, name)
        site.finish()
    manifest = out / ".gallery/manifest.json"
    document = json.loads(manifest.read_bytes())
    files = {name: [entry[:32], int(entry[32:])] for name, entry in document["files"].items()}
    manifest.write_text(json.dumps({"form": 1, "files": files, "memory": document["memory"]}))
    with Site(out) as site:
        assert site.memory == {"pairs": [["a", "b"]]}
        site.file("kept.json", lambda: b"kept.json", "kept.json")
        assert site.finish() == Written(1 + OWN, 0, 1)
    assert contents(out) == {"kept.json": "kept.json"}


def part(out: Path, facts: str, files: Mapping[str, str], *, left_out: bool = False) -> tuple[bool, Written]:
    """One generation of a part; whether it was there already."""
    with Site(out) as site:
        with site.part("a layer", facts) as there:
            if not there:
                for address, text in files.items():
                    site.file(address, text.encode, text)
                if left_out:
                    site.left_out()
        return there, site.finish()


def test_a_part_is_there_until_its_facts_change(out: Path) -> None:
    files = {"a/b.json": "1", "a/c.json": "2"}
    assert part(out, "facts", files) == (False, Written(2 + OWN, 0, 0))
    assert part(out, "facts", {}) == (True, Written(0, 2 + OWN, 0))
    assert contents(out) == files
    assert part(out, "other facts", {"a/b.json": "3"}) == (False, Written(1, OWN, 1))
    assert contents(out) == {"a/b.json": "3"}


def test_a_part_of_which_something_was_left_out_is_put_again(out: Path) -> None:
    part(out, "facts", {"a.json": "1"}, left_out=True)
    assert part(out, "facts", {"a.json": "1"}) == (False, Written(0, 1 + OWN, 0))
    assert part(out, "facts", {"a.json": "1"})[0]


def test_a_part_that_a_killed_generation_wrote_at_is_put_again(out: Path) -> None:
    part(out, "facts", {"a.json": "1", "b.json": "2"})
    with Site(out) as site, site.part("a layer", "other facts"):
        site.file("b.json", lambda: b"3", "3")
    assert part(out, "facts", {"a.json": "1", "b.json": "2"}) == (False, Written(1, 1 + OWN, 0))
    assert contents(out) == {"a.json": "1", "b.json": "2"}


def test_what_could_not_be_made_of_a_part_is_tried_again(out: Path) -> None:
    def broken() -> bytes:
        raise LookupError

    with Site(out) as site:
        with site.part("a layer", "facts"), pytest.raises(LookupError):
            site.file("a.json", broken, "1")
        site.finish()
    assert not part(out, "facts", {"a.json": "1"})[0]
    assert contents(out) == {"a.json": "1"}


def test_pages_are_rendered_anew_when_their_templates_or_sections_changed(out: Path) -> None:
    page = Page("index.html", "start.html.j2", {"networks": [], "dreams": [], "sweeps": []})

    def once(**options: Any) -> int:
        with Site(out, **options) as site:
            site.put(page)
            return site.finish().written

    assert once() == 1 + OWN
    assert once() == 0
    assert once(sections=[("Networks", "index.html")]) == 1 + OWN
    assert once(sections=[("Networks", "index.html")], code="other") == 1 + OWN


ADDRESSES = st.sampled_from(["a.json", "b/a.json", "b/c.json", "b/d/e.json", "f/g.json"])
GENERATIONS = st.lists(st.dictionaries(ADDRESSES, st.sampled_from("12")), min_size=1, max_size=5)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(generations=GENERATIONS)
def test_after_any_generations_the_folder_holds_what_the_last_made(
    tmp_path: Path, generations: list[dict[str, str]]
) -> None:
    out = tmp_path / str(len(list(tmp_path.iterdir())))
    before: dict[str, str] = {}
    begun = False
    for files in generations:
        written = generation(out, files)
        assert contents(out) == files
        assert written.removed == len(before.keys() - files.keys())
        changed = sum(before.get(name) != text for name, text in files.items())
        assert written.written == changed + (0 if begun else OWN)
        before, begun = files, True
