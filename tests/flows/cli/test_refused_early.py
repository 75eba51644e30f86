"""What needs neither TensorFlow nor Prefect to be told is told before either is imported, or a server started."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from storage.record import NewOutput
from storage.store import Store
from tests.flows.tiny import keras_file

SCRIPT = """
import contextlib, io, json, sys
for name in ("tensorflow", "keras", "prefect", "flows.serving.server"):
    sys.modules[name] = None  # whoever imports it fails
from flows.cli import main
said = []
for arguments in json.load(sys.stdin):
    err = io.StringIO()
    with contextlib.redirect_stderr(err):
        code = main(arguments)
    said.append([code, err.getvalue()])
json.dump(said, sys.__stdout__)
"""

CASES: list[tuple[str, str]] = [
    ("sweep --data mnits", "there is no data set 'mnits': choose digits"),
    ("sweep --data folder:none", "none is no folder"),
    ("sweep --data mnist --data-dir none", "none is no folder"),
    ("sweep --model none.keras", "there is no file none.keras"),
    ("sweep --model broken.keras", "broken.keras is neither a .keras nor a .h5 file"),
    ("sweep --model small.txt", "nothing in the store"),
    ("sweep --model model/lates", "model/latest"),
    ("sweep --train --model model/latest", "leave one of them out"),
    ("sweep --layers Conv2D_7", "did you mean Conv2D_1"),
    ("sweep --layers Conv2D_1/6-3", "'Conv2D_1/6-3' runs backwards: write the lower number first"),
    ("sweep --layers classes/3", "classes has 3 units, 0 to 2"),
    ("sweep --train --layers dense_2/10", "dense_2 has 10 units, 0 to 9"),
    ("sweep --train --data folder:pictures --layers dense_2/2", "dense_2 has 2 units, 0 to 1"),
    ("sweep --checkpoints 1", "has no checkpoints"),
    ("sweep --checkpoints some", "--checkpoints is 'some'; it must be all, or epochs as 1,5,10"),
    ("sweep --size 28", "--size is '28'; it must be height and width in pixels, as 224x224"),
    ("sweep --finish-by 25:00", "--finish-by is '25:00'; it must be hours and minutes, as 06:30"),
    ("sweep --timezone Nowhere", "--timezone is 'Nowhere'; it must be a name such as Europe/Berlin or UTC"),
    ("sweep --out broken.keras", "pictures cannot be written to broken.keras: Not a directory"),
    ("dream none.png", "none.png: name one that there is"),
    ("dream pictures --guide none.png", "there is no guide"),
    ("dream pictures --objective classes/12", "no unit classes/12: classes has 3 units, 0 to 2"),
    ("dream pictures --objective Conv2D_7", "did you mean Conv2D_1"),
    ("dream pictures --tour Conv2D_1/6-3", "runs backwards"),
    ("dream pictures --animation avi --passes 2", "--animation is 'avi'; choose from gif, webp"),
    ("dream pictures --model none.h5", "there is no file none.h5"),
    ("analyse --pair rose,99", "there is no class '99': the model has rose, lily, daisy"),
    ("analyse --pair rose,lilly", "there is no class 'lilly': did you mean lily?"),
    ("analyse --data digits --pair 4,99", "there is no class '99'"),
    ("analyse --data mnits", "there is no data set 'mnits'"),
    ("analyse test/6", "there is no image test/6: the set has 6, 0 to 5"),
    ("analyse --first train/99 --second train/1", "there is no image train/99: the set has 20, 0 to 19"),
    ("analyse none.png", "there is no image"),
    ("analyse --layers Conv2D_7", "did you mean Conv2D_1"),
    ("train --data mnits", "there is no data set 'mnits'"),
    ("train --data folder:none", "none is no folder"),
    ("models --add none.keras", "there is no file none.keras"),
    ("models --add broken.keras", "broken.keras is neither a .keras nor a .h5 file"),
    ("models --add small.keras --data mnits", "there is no data set 'mnits'"),
]


@pytest.fixture
def place(tmp_path: Path, committing: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store with a model and its data set of three classes, a file that is no model, and pictures of two classes."""
    monkeypatch.setenv("DREAMSWEEP_STORE", str(tmp_path / "store"))
    monkeypatch.delenv("DREAMSWEEP_MNIST", raising=False)
    store = Store.open(tmp_path / "store")
    images = [
        NewOutput(f"{name}_imgs", name.encode(), "images", "application/x-npy", "float32", (count, 12, 12, 1))
        for name, count in (("train", 20), ("test", 6))
    ]
    data = committing(store, "data", {"data": "flowers", "classes": ["rose", "lily", "daisy"]}, images)
    about = {"data_record": data.key}
    output = NewOutput("model", keras_file(), "model", "application/x-keras", attributes=about, identity="1d" * 32)
    store.set_ref("model/latest", f"record:{committing(store, 'model', {}, [output]).key}")
    (tmp_path / "small.keras").write_bytes(keras_file())
    (tmp_path / "broken.keras").write_bytes(b"broken")
    for name in ("rose", "lily"):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        for number in range(2):
            Image.new("L", (12, 12)).save(tmp_path / "pictures" / name / f"{number}.png")
    return tmp_path


def test_what_there_is_not_is_refused_without_tensorflow_prefect_or_a_server(place: Path) -> None:
    given = json.dumps([arguments.split() for arguments, _ in CASES])
    done = subprocess.run([sys.executable, "-c", SCRIPT], input=given, cwd=place, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    store = Store.open(place / "store")
    for (arguments, words), (code, err) in zip(CASES, json.loads(done.stdout), strict=True):
        assert (code, err.count("\n")) == (2, 1), (arguments, err)
        assert words in err, (arguments, err)
    assert store.runs() == []
    assert len(list(store.records())) == 2
