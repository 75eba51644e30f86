"""Makes the pictures in docs/ again, of the reference network on real MNIST: `make docs`.

The photograph is one that scikit-learn brings.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL import Image

DOCS = Path(__file__).resolve().parent
LAYER = "Conv2D_3"
SHOWN = 24
UNIT = f"{LAYER}/56"  # the map of which the article series shows four OIPs
WIDTH = 420  # px of a photograph among others
MODES: dict[str, dict[str, Any]] = {
    "octaves, all of Conv2D_3": {"objective": LAYER},
    f"octaves, {UNIT}": {"objective": UNIT},
    f"tiles, {UNIT}": {"mode": "tiles", "objective": UNIT},
    f"carve, {UNIT}": {"mode": "carve", "objective": UNIT},
    f"carve+tiles, {UNIT}": {"mode": "carve+tiles", "objective": UNIT},
}


def main() -> None:
    """Train, sweep and dream in the default store, or reuse what is there, and write the files."""
    from flows.forms.parameters import SweepParameters
    from flows.forms.places import DATA_FOLDER
    from flows.serving.server import local_server
    from flows.sweep import oip_sweep
    from lib.training.settings import TrainSettings

    if "DREAMSWEEP_MNIST" not in os.environ:
        sys.exit("the pictures show MNIST: name its folder with DREAMSWEEP_MNIST")
    with local_server(DATA_FOLDER):
        parameters = SweepParameters(
            train=TrainSettings(),
            data="mnist",
            layers=[f"{LAYER}/0-{SHOWN - 1}", UNIT],
            style="clean",
        )
        summary: dict[str, Any] = oip_sweep(parameters)
        oips(parameters.store, summary)
        dreams(parameters.store, str(summary["model"]))
        decisions(parameters.store, str(summary["model"]))
    pages(parameters.store, str(summary["model"]))


def oips(place: str, summary: Mapping[str, Any]) -> None:
    """A contact sheet, and the OIPs of one map."""
    from lib.draw.contact_sheet import SheetCell, contact_sheet
    from storage.store import Store

    store = Store.open(place)
    units = {unit["unit"]: unit for unit in summary["units"]}

    def cell(index: int) -> SheetCell:
        unit = units[f"{LAYER}/{index}"]
        record = store.record(unit["record"])
        best = store.array(record.output("oips").digest)[0]
        return SheetCell(index, best, unit["verdict"], unit["response"], unit["response_ratio"])

    subtitle = f"the first {SHOWN} of its maps in the reference CNN, trained on MNIST; clean style"
    sheet = contact_sheet([cell(index) for index in range(SHOWN)], title=LAYER, subtitle=subtitle)
    (DOCS / "sheet.png").write_bytes(sheet)
    (DOCS / "unit.png").write_bytes(Path(units[UNIT]["png"]).read_bytes())


def dreams(place: str, model: str) -> None:
    """One photograph in every mode, how it was carved, and a tour of the first maps."""
    from PIL import Image
    from sklearn.datasets import load_sample_image

    from flows.dream import dream
    from flows.forms.parameters import DreamParameters
    from lib.dream.settings import DreamSettings

    with tempfile.TemporaryDirectory() as folder:
        photograph, out = Path(folder, "flower.png"), Path(folder, "dreams")
        Image.fromarray(load_sample_image("flower.jpg")).save(photograph)

        def dreamed(**how: Any) -> list[str]:
            answer: dict[str, Any] = dream(
                DreamParameters(store=place, model=model, pictures=[str(photograph)], out=out, **how)
            )
            return [file for one in answer["extras"] or answer["pictures"] for file in one["files"]]

        shown = {"the photograph": Image.open(photograph).convert("RGB")}
        for name, settings in MODES.items():
            picture, *strip = dreamed(settings=DreamSettings(**settings))
            shown[name] = Image.open(picture).convert("RGB")
            if settings.get("mode") == "carve":
                (DOCS / "strip.png").write_bytes(Path(strip[0]).read_bytes())
        side_by_side(shown, columns=3).save(DOCS / "dreams.jpg", quality=85, optimize=True)
        (tour,) = dreamed(tour=f"{LAYER}/0-{SHOWN - 1}")
        Image.open(tour).convert("RGB").save(DOCS / "tour.jpg", quality=85, optimize=True)


def decisions(place: str, model: str) -> None:
    """How 4s are told from 9s, for the gallery to show."""
    from flows.analyse import analyse
    from flows.forms.parameters import AnalyseParameters
    from lib.analysis.settings import AnalysisSettings

    analyse(AnalyseParameters(store=place, model=model, settings=AnalysisSettings(pair="4,9")))


def pages(place: str, model: str) -> None:
    """The gallery's page of one unit, and that of how the network decides, as Chromium shows them."""
    import shutil

    from playwright.sync_api import sync_playwright

    from lib.gallery.addresses import unit_page
    from storage.store import Store
    from tasks.gallery.gallery import make_gallery

    network = model.removeprefix("model/")
    layer, _, index = UNIT.rpartition("/")
    shown = {"gallery.png": unit_page(network, layer, int(index)), "decides.png": f"analysis/{network}/index.html"}
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        make_gallery(Store.open(place), Path(folder, "gallery"))
        executable = shutil.which("chromium") or sys.exit("a browser is wanted: apt-get install chromium")
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        view = browser.new_page(viewport={"width": 1400, "height": 1180})
        for name, address in shown.items():
            view.goto(Path(folder, "gallery", address).as_uri())
            view.wait_for_load_state("networkidle")
            view.screenshot(path=DOCS / name)
        browser.close()


def side_by_side(pictures: Mapping[str, Image.Image], *, columns: int) -> Image.Image:
    """Pictures of one shape with their names below them."""
    from PIL import Image, ImageDraw

    from lib.draw.lettering import font
    from lib.draw.paper import INK, PAPER

    gap, line = 10, 26
    small = [picture.resize((WIDTH, round(picture.height * WIDTH / picture.width))) for picture in pictures.values()]
    high = small[0].height
    rows = -(-len(small) // columns)
    canvas = Image.new("RGB", (columns * (WIDTH + gap) - gap, rows * (high + line + gap) - gap), PAPER)
    draw = ImageDraw.Draw(canvas)
    for at, (name, picture) in enumerate(zip(pictures, small, strict=True)):
        left, top = at % columns * (WIDTH + gap), at // columns * (high + line + gap)
        canvas.paste(picture, (left, top))
        draw.text((left + WIDTH // 2, top + high + 18), name, font=font(15), fill=INK, anchor="ms")
    return canvas


if __name__ == "__main__":
    main()
