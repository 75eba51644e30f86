"""The notebook of `examples/`: it is run as it is committed, and what it shows is what the store holds."""

import base64
import io
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import dreamsweep
from tests.test_house import HOUSE

NOTEBOOK = HOUSE / "examples" / "own_network.ipynb"
SWEPT = [*(f"strokes/{index}" for index in range(2, 7)), *(f"classes/{index}" for index in range(2, 5))]


def committed() -> Any:
    import nbformat

    return nbformat.read(NOTEBOOK, as_version=4)


def test_it_is_committed_without_what_it_shows() -> None:
    code = [cell for cell in committed().cells if cell.cell_type == "code"]
    assert {(len(cell.outputs), cell.execution_count) for cell in code} == {(0, None)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where it is run."""
    return tmp_path_factory.mktemp("notebook")


@pytest.fixture(scope="module")
def cells(folder: Path) -> list[Any]:
    """Its cells of code after it was run, in an environment as one that was activated, where no cell may fail."""
    from nbclient import NotebookClient

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
        for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR"):  # else IPython writes a history at home
            patch.setenv(name, str(folder / name.lower()))
        notebook = committed()
        NotebookClient(notebook, timeout=500, resources={"metadata": {"path": str(folder)}}).execute()
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def pictures(cells: list[Any], having: str) -> list[bytes]:
    """The PNGs that the cells show in which this text stands."""
    shown = [output for cell in cells if having in cell.source for output in cell.outputs]
    return [base64.b64decode(output.data["image/png"]) for output in shown if "image/png" in output.get("data", {})]


def printed(cells: list[Any], having: str) -> str:
    outputs = [output for cell in cells if having in cell.source for output in cell.outputs]
    return "".join(output.text for output in outputs if output.output_type == "stream" and output.name == "stdout")


@pytest.fixture(scope="module")
def store(cells: list[Any], folder: Path) -> dreamsweep.Store:
    """What it has left."""
    return dreamsweep.open_store(folder / "own_network" / "data" / "store")


@pytest.mark.heavy
def test_every_map_that_it_sweeps_responds_more_to_its_oip_than_to_any_image(store: dreamsweep.Store) -> None:
    units = dreamsweep.list_units(store)
    assert [unit.name for unit in units] == SWEPT
    for unit in units:
        assert unit.verdict == "responded"
        assert unit.exemplars is not None
        assert unit.responses[0] > unit.exemplars.responses[0] > 0


@pytest.mark.heavy
def test_a_unit_shows_itself_as_its_stored_picture(cells: list[Any], store: dreamsweep.Store) -> None:
    assert pictures(cells, "find_unit") == [dreamsweep.find_unit(store, "strokes/5")._repr_png_()]


@pytest.mark.heavy
def test_oips_and_the_dream_are_shown_and_not_blank(cells: list[Any]) -> None:
    shown = [*pictures(cells, "show_beside_exemplars(["), *pictures(cells, "dream.picture")]
    assert len(shown) == 3
    for png in shown:
        tones = np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))
        assert len(np.unique(tones.reshape(-1, 3), axis=0)) > 100
        assert tones.std() > 30


@pytest.mark.heavy
def test_the_dream_is_another_picture_than_the_photograph(store: dreamsweep.Store) -> None:
    (dream,) = dreamsweep.list_dreams(store)
    before, after = (np.asarray(picture.convert("L"), float) for picture in (dream.original, dream.picture))
    assert 10 < np.abs(after - before).mean() < 120  # and yet not all noise: the photograph is still there
    assert np.corrcoef(before.ravel(), after.ravel())[0, 1] > 0.3


@pytest.mark.heavy
def test_the_lineage_of_the_dream_leads_to_the_file_of_the_network(cells: list[Any]) -> None:
    told = printed(cells, "dreamsweep.lineage")
    for made in ("dream china.png", "model from the file network.keras", "data set folder:own_network/digits"):
        assert made in told
    assert "'objective': 'strokes/6'" in told
