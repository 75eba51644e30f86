"""Layers that are no convolution, swept from the command to the gallery, and what is said of them."""

from pathlib import Path
from typing import Any

import keras
import pytest
from keras import layers as kl

from lib.errors import BadInput
from tests.flows.tiny import SIDE, Bench, saved, with_weights, write_pictures

pytestmark = pytest.mark.usefixtures("prefect_server")


def branched() -> Any:
    entry = keras.Input((SIDE, SIDE, 1))
    one = kl.Conv2D(2, 3, activation="relu", name="one")(entry)
    two = kl.Conv2D(2, 3, name="two")(entry)
    half = kl.Concatenate(name="half")([kl.MaxPooling2D(name="pool")(one), kl.MaxPooling2D()(two)])
    normal = kl.BatchNormalization(name="normal")(half)
    last = kl.Activation("relu", name="last")(normal)
    model = with_weights(
        keras.Model(entry, kl.Dense(3, activation="softmax")(kl.Flatten(name="flat")(last)), name="branched")
    )
    kernel, bias = model.get_layer("one").get_weights()
    kernel[..., 0], bias[0] = 0.0, -1.0  # dead
    model.get_layer("one").set_weights([kernel, bias])
    return model


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory, prefect_server: str) -> Bench:
    folder = tmp_path_factory.mktemp("targets")
    return Bench(folder / "store", saved(branched(), folder / "branched.keras"), write_pictures(folder / "pictures"))


def test_layers_of_every_kind_are_swept_with_their_verdicts_and_have_pages(bench: Bench, tmp_path: Path) -> None:
    from tasks.gallery.gallery import make_gallery

    summary = bench.sweep(layers=["pool", "half/0-2", "normal/1", "last/3", "flat/5"])
    verdicts = {unit["unit"]: unit["verdict"] for unit in summary["units"]}
    assert list(verdicts) == ["pool/0", "pool/1", "half/0", "half/1", "half/2", "normal/1", "last/3", "flat/5"]
    assert verdicts["pool/0"] == verdicts["half/0"] == "dead"
    assert {verdict for unit, verdict in verdicts.items() if not unit.endswith("/0")} <= {
        "responded",
        "unreached",
        "silent",
    }
    assert verdicts["half/2"] == verdicts["normal/1"] == "responded"  # signed: a linear branch, a normalisation
    assert not summary["failures"]
    make_gallery(bench.store, tmp_path / "gallery")
    pages = {page.parent.name for page in (tmp_path / "gallery").rglob("*.html")}
    assert {"half", "pool", "normal", "last", "flat"} <= pages


def test_a_layer_that_is_not_there_is_refused_with_the_nearest_names(bench: Bench) -> None:
    with pytest.raises(BadInput, match="no layer 'haf': did you mean half"):
        bench.sweep(layers=["haf"])
