"""A network for large images: its maps are swept on smaller ones, and what sees all of an image at its own size."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import dreamsweep
from flows.plan import sweep_plan
from lib.pictures.resample import resize
from storage.store import Record, Store
from tasks.session.progress import listen
from tests.flows.test_sweep_judge import register
from tests.flows.tiny import Bench, saved, with_weights, write_pictures
from tests.tasks.gallery.made import Made

pytestmark = pytest.mark.usefixtures("prefect_server")

OWN, SMALL = 160, 128
UNITS = {"maps": 3, "deep": 2, "classes": 3}
GROWTH: dict[str, Any] = {"steps": 4, "oips": 1, "starts": 1, "seed": 3}


def network(seed: int = 0) -> Any:
    import keras
    from keras import layers

    return with_weights(
        keras.Sequential(
            [
                keras.Input((OWN, OWN, 3)),
                layers.Conv2D(UNITS["maps"], 7, strides=4, activation="relu", name="maps"),
                layers.Conv2D(UNITS["deep"], 5, strides=4, activation="relu", name="deep"),
                layers.GlobalAveragePooling2D(name="mean"),
                layers.Dense(UNITS["classes"], activation="softmax", name="classes"),
            ],
            name="large",
        ),
        seed,
    )


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    folder = tmp_path_factory.mktemp("sizes")
    store = Store.open(folder / "store")
    data = write_pictures(folder / "pictures", side=OWN, channels=3, each=20)
    for name, seed in (("model/large", 0), ("model/judge", 5)):
        register(store, name, saved(network(seed), folder / f"{seed}.keras"), data)
    return Bench(folder / "store", "model/large", None)


@pytest.fixture(scope="module")
def run(bench: Bench, prefect_server: str) -> str:
    """The sweep of all layers, judged."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("flows.running.judges._knows_classes", lambda *_: True)  # it is of random weights
        summary = bench.sweep(layers=list(UNITS), growth=GROWTH, judge="model/judge")
    assert (summary["computed"], summary["failures"]) == (sum(UNITS.values()), {})
    return str(summary["run"])


def record(bench: Bench, run: str, title: str) -> Record:
    return bench.store.record(bench.store.run(run).units[title].record)


def test_maps_grow_on_smaller_images_and_nodes_on_the_networks_own(bench: Bench, run: str) -> None:
    for layer, side in (("maps", SMALL), ("deep", SMALL), ("classes", OWN)):
        made = record(bench, run, f"{layer}/0")
        assert made.output("oips").shape[1:] == (side, side, 3)
        assert made.parameters["size"] == (None if side == OWN else [side, side])


def test_exemplars_and_responses_are_those_to_images_of_the_layers_size(bench: Bench, run: str) -> None:
    about = record(bench, run, "deep/1").output("oips").attributes
    assert about["verdict"] == "responded"
    images = data_of(bench)
    small = np.stack([np.clip(resize(image, SMALL, SMALL), 0, 1) for image in images])
    to_small, to_own = responses(small), responses(images)
    order = np.argsort(-to_small, kind="stable")[:9]
    np.testing.assert_allclose(about["exemplar_responses"], to_small[order], rtol=1e-4)
    assert not np.allclose(to_small, to_own, rtol=1e-2)
    np.testing.assert_array_equal(about["exemplars"], order)
    oips = bench.store.array(record(bench, run, "deep/1").output("oips").digest)
    np.testing.assert_allclose(about["response"], responses(oips)[0], rtol=1e-4)


def test_exemplars_of_nodes_are_those_among_images_of_the_networks_own_size(bench: Bench, run: str) -> None:
    import keras

    about = record(bench, run, "classes/2").output("oips").attributes
    large = network()
    logits = keras.Model(large.inputs[0], large.layers[-2].output)(data_of(bench)) @ large.layers[-1].kernel
    strengths = (np.asarray(logits) + np.asarray(large.layers[-1].bias))[:, 2]
    order = np.argsort(-strengths, kind="stable")[:9]
    np.testing.assert_array_equal(about["exemplars"], order)
    np.testing.assert_allclose(about["exemplar_responses"], strengths[order], rtol=1e-4)


def data_of(bench: Bench) -> Any:
    digest = record(bench, bench.latest, "deep/1").recipe_inputs["train_imgs"]
    return np.array(bench.store.array(digest), np.float32)


def responses(images: Any) -> Any:
    """The responses of `deep/1` to images of any size."""
    first, second = network().layers[:2]
    return np.asarray(second(first(images)))[..., 1].mean((1, 2))


def test_what_else_there_is_of_a_layer_is_of_its_size(bench: Bench, run: str) -> None:
    for layer, side in (("maps", SMALL), ("classes", OWN)):
        count = UNITS[layer]
        assert record(bench, run, f"negatives of {layer}").output("images").shape == (count, side, side, 3)
        tensors = bench.store.path(record(bench, run, f"layer {layer}").output("tensors").digest)
        with h5py.File(tensors) as file:
            assert file["oips"].shape[::2] == (count, side, 3)
        scores = record(bench, run, f"interpretability of {layer}").output("interpretability")
        assert scores.shape == (count,)
        assert scores.attributes["data"]["interpretability"] > 0
        assert record(bench, run, f"naturalness of {layer}").output("kept_shift").shape == (count,)


def test_the_same_sweep_again_finds_everything(bench: Bench, run: str) -> None:
    again = bench.sweep(layers=list(UNITS), growth=GROWTH)
    assert (again["computed"], again["reused"]) == (0, sum(UNITS.values()))


def test_what_is_done_is_said_and_stands_in_the_plan(bench: Bench, run: str, tmp_path: Path) -> None:
    said: list[str] = []
    with pytest.MonkeyPatch.context() as patch, listen(lambda *_: None, said.append):
        patch.setattr("flows.sweeping.plan.TIMINGS", tmp_path)
        plan = sweep_plan(bench.parameters(layers=list(UNITS), growth=GROWTH))
    assert plan["images"] == {"128x128": 2, "160x160": 1}
    assert said.count(
        "2 of 3 layers are swept on images of 128x128, not of the network's own 160x160: --size 160x160 sweeps all of "
        "them at that size"
    )


def test_a_size_that_is_given_is_that_of_all_maps(bench: Bench, run: str) -> None:
    for size, layers in (((OWN, OWN), ["maps/0", "classes/0"]), ((96, 64), ["maps/0"])):
        made = bench.sweep(layers=layers, growth=GROWTH, size=size)
        for unit in layers:
            assert record(bench, made["run"], unit).output("oips").shape[1:] == (*size, 3)
            assert record(bench, made["run"], unit).parameters["size"] == [*size]


def test_pages_show_exemplars_whole_and_the_receptive_field_in_their_pixels(
    bench: Bench, run: str, tmp_path: Path
) -> None:
    assert bench.sweep(layers=["maps/1"], growth=GROWTH)["reused"] == 1  # what was swept last is shown first
    gallery = Made(bench.store, tmp_path / "gallery")
    (slug,) = [folder.name for folder in gallery.out.glob("large-*")]
    assert "7 × 7 pixels of images of 128 × 128" in gallery.text(f"{slug}/maps/index.html")
    html = gallery.html(f"{slug}/maps/1/index.html")
    assert f'viewBox="0 0 {OWN} {OWN}"' in html
    assert 'class="box" ' in html
    assert 'width="8.75" height="8.75"' in html
    assert gallery.broken(slug) == []
    unit = dreamsweep.find_unit(bench.store, "maps/1", run=run)
    assert unit.images[0].size == (SMALL, SMALL)
    assert unit.exemplars is not None
    assert unit.exemplars.images.shape[1:] == (OWN, OWN, 3)


def test_a_network_that_an_earlier_version_swept_goes_on_at_its_own_size(bench: Bench, tmp_path: Path) -> None:
    model = saved(network(7), tmp_path / "before.keras")
    before = Bench(tmp_path / "store", model, None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("flows.sweeping.sweep_context.smaller_sizes", lambda *_: {})
        first = before.sweep(layers=["maps/0"], growth=GROWTH)
    assert record(before, first["run"], "maps/0").parameters["size"] is None
    now = Bench(before.root, first["model"], None).sweep(layers=["maps/0", "deep/0"], growth=GROWTH)
    assert (now["computed"], now["reused"]) == (1, 1)
    assert record(before, now["run"], "deep/0").output("oips").shape[1:] == (OWN, OWN, 3)
