"""What a dream's recipe says of its style: nothing, unless it is one that earlier versions had not."""

from pathlib import Path
from typing import Any

import pytest

from lib.dream.settings import DreamSettings
from lib.network import model_file
from storage.document import Json
from storage.store import Store
from tasks.dream.context import DreamContext
from tasks.dream.dreams import dream_recipe
from tasks.dream.pieces import Piece
from tasks.model.network import Network
from tasks.session.session import session
from tests.flows.tiny import small_cnn, with_weights, write_photograph

OF_OCTAVES = {
    *("mode", "objective", "steps", "step_size", "smoothing", "colours", "strength"),
    *("octaves", "octave_scale", "jitter", "seed", "pixel_range"),
}
"""What stood in a dream's recipe before there were styles."""


def small_colour_cnn() -> Any:
    import keras
    from keras import layers

    entry = keras.Input((12, 12, 3))
    return with_weights(keras.Model(entry, layers.Conv2D(4, 3, activation="relu", name="Conv2D_1")(entry)))


def parameters(folder: Path, model: Any, **settings: Any) -> dict[str, Json]:
    write_photograph(folder / "rose.png")
    store = Store.open(folder / "store")
    network = Network(model, "small", store.put(model_file.keras_bytes(model)), model_file.identity(model))
    with session(store.root, "test", {}) as run:
        context = DreamContext(run, network, DreamSettings(**settings), {"rose.png": folder / "rose.png"})
        return dict(dream_recipe(context, Piece("rose.png"), "ab" * 32).parameters)


@pytest.mark.heavy
def test_a_recipe_names_a_style_only_where_it_is_not_what_was_done_before(tmp_path: Path) -> None:
    small, colours = small_cnn(), small_colour_cnn()
    assert set(parameters(tmp_path, small)) == OF_OCTAVES
    assert set(parameters(tmp_path, small, style="plain")) == OF_OCTAVES
    assert set(parameters(tmp_path, colours, style="plain")) == OF_OCTAVES
    usual = parameters(tmp_path, colours)
    assert set(usual) == OF_OCTAVES | {"style"}
    assert usual["style"] == "natural"
    assert usual == parameters(tmp_path, colours, style="natural")
    assert parameters(tmp_path, small, style="natural")["style"] == "natural"
