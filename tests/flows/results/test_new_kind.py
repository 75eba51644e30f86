"""A new result of an analysis is its task with its kind, its page and its template, and nothing else."""

import json
import modulefinder
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lib.gallery import rendering
from storage.record import NewOutput
from storage.store import Store
from tasks.analysis import kinds as kinds_of_analysis
from tasks.gallery import pages
from tasks.gallery.gallery import make_gallery
from tasks.session.kind import artifact_kinds
from tests.tasks.gallery.synthetic import MODEL, Synthetic, png

CLI = Callable[..., tuple[int, str, str]]

KIND = """
from tasks.analysis.result import result_kind

KIND = result_kind("saliency", "saliency of {layer}")
"""
PAGES = """
from lib.gallery.addresses import INDEX
from lib.gallery.rendering import Page
from tasks.analysis.kinds.saliency import KIND


def pages(catalogue, site):
    for analysis in catalogue.analyses.values():
        for record in analysis.of(KIND):
            title = analysis.title
            site.put(Page(f"{analysis.result(record)}/{INDEX}", "saliency.html.j2", {"title": title}))
"""
TEMPLATE = "<!doctype html><p>What {{ title }} looks at.</p>\n"


@pytest.fixture
def saliency(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A new result in files of its own, in folders beside those of the house."""
    folder = tmp_path / "new"
    folder.mkdir()
    files = {"kinds/saliency.py": KIND, "pages/saliency_pages.py": PAGES, "saliency.html.j2": TEMPLATE}
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    monkeypatch.setattr(kinds_of_analysis, "__path__", [*kinds_of_analysis.__path__, str(folder / "kinds")])
    monkeypatch.setattr(pages, "__path__", [*pages.__path__, str(folder / "pages")])
    monkeypatch.setattr(rendering, "TEMPLATES", [*rendering.TEMPLATES, folder])
    monkeypatch.setattr(modulefinder, "packagePathMap", dict(modulefinder.packagePathMap))
    modulefinder.AddPackagePath(kinds_of_analysis.__name__, str(folder / "kinds"))
    modulefinder.AddPackagePath(pages.__name__, str(folder / "pages"))
    artifact_kinds.cache_clear()
    yield
    artifact_kinds.cache_clear()
    for name in (f"{kinds_of_analysis.__name__}.saliency", f"{pages.__name__}.saliency_pages"):
        sys.modules.pop(name, None)


@pytest.mark.usefixtures("saliency")
def test_a_new_result_is_counted_called_exported_and_shown(
    cli: CLI, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DREAMSWEEP_STORE", str(tmp_path / "store"))
    made = Synthetic(Store.open(tmp_path / "store"))
    made.model(MODEL, "one")
    run = made.store.open_run("analyse", {"model": "model/one"})
    record = made.commit(
        "saliency",
        {"layer": "Conv2D_1"},
        [NewOutput("map", png(8, 8), "picture", "image/png", attributes={"title": "saliency of Conv2D_1"})],
        recipe_inputs={"model": MODEL},
        run=run,
        title="saliency of Conv2D_1",
    )
    run.close("completed", {"model": "model/one"})

    (listed,) = json.loads(cli("runs", "--json")[1])["runs"]
    assert (listed["computed"], listed["failed"]) == (1, 0)
    assert cli("show", record.key)[1].startswith("saliency of Conv2D_1")
    exported = json.loads(cli("export", run.id, "--out", tmp_path / "out", "--json")[1])["files"]
    assert set(exported) == {
        "analysis/saliency of Conv2D_1/map.png",
        "records/analysis/saliency of Conv2D_1/map.json",
    }

    make_gallery(made.store, tmp_path / "gallery")
    (home,) = (tmp_path / "gallery").glob("analysis/one-*/index.html")
    page = home.parent / "saliency" / record.recipe[:16] / "index.html"
    assert "looks at" in page.read_text()
    said = home.read_text()
    assert f'href="saliency/{record.recipe[:16]}/index.html">saliency of Conv2D_1</a>' in said


def test_a_kind_that_is_not_known_is_called_and_exported_by_its_task(
    cli: CLI, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DREAMSWEEP_STORE", str(tmp_path / "store"))
    made = Synthetic(Store.open(tmp_path / "store"))
    record = made.commit("saliency", {"layer": "Conv2D_1"}, [NewOutput("map", png(8, 8), "picture", "image/png")])
    assert cli("show", record.key)[1].startswith("saliency")
    files = json.loads(cli("export", record.key, "--out", tmp_path / "out", "--json")[1])["files"]
    assert f"saliency-{record.key[:12]}/map.png" in files
