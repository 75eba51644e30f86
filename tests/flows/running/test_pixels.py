"""Networks that take other pixels than 0..1: what is declared of them, and that everything comes from it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers as kl
from PIL import Image

from flows.forms.parameters import AnalyseParameters, DreamParameters, NightlyParameters, RegisterParameters
from lib.errors import BadInput, Question
from lib.network.pixels import PLAIN, Pixels
from tasks.model.stored import LATEST, find_model
from tasks.session.progress import listen
from tests.flows.tiny import GROWTH, Bench, red, saved, with_weights, write_photograph, write_pictures

pytestmark = pytest.mark.usefixtures("prefect_server")

SIDE = 12


def net(seed: int = 0) -> Any:
    """Two convolutions and a head, for coloured images of 12x12."""
    return with_weights(
        keras.Sequential(
            [
                keras.Input((SIDE, SIDE, 3)),
                kl.Conv2D(3, 3, activation="relu", name="one"),
                kl.MaxPooling2D(2),
                kl.Conv2D(2, 3, activation="relu", name="two"),
                kl.Flatten(),
                kl.Dense(3, activation="softmax", name="classes"),
            ],
            name="coloured",
        ),
        seed,
    )


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Coloured pictures of 12x12."""
    return write_pictures(tmp_path_factory.mktemp("data") / "pictures", channels=3)


def registered(bench: Bench, **more: Any) -> str:
    from flows.register import register

    assert bench.model is not None
    asked = {"file": Path(bench.model), "data": bench.data, "data_dir": None} | more
    return str(register(RegisterParameters(store=str(bench.root), **asked))["model"])


@pytest.fixture
def bench(tmp_path: Path, data: str) -> Bench:
    """A network of a file, and coloured pictures."""
    return Bench(tmp_path / "store", saved(net(), tmp_path / "net.keras"), data)


@pytest.fixture
def said() -> Any:
    """The lines that runs say."""
    lines: list[str] = []
    with listen(lambda *_: None, lines.append):
        yield lines


def test_no_map_of_a_network_that_rescales_inside_is_dead(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "store", saved(red(), tmp_path / "red.keras"), None)
    (unit,) = bench.sweep(pixels="0..255", growth=replace(GROWTH, constraint=""))["units"]
    assert unit["verdict"] == "responded"
    assert unit["response"] == pytest.approx(0.5, abs=1e-3)
    record = bench.store.record(bench.store.run(bench.latest).units["red/0"].record)
    assert record.parameters["pixels"] == record.output("oips").attributes["pixels"] == "0..255"
    assert record.parameters["pixel_range"] == [0.0, 1.0]
    stored = np.asarray(bench.store.array(record.output("oips").digest))
    assert stored.dtype == np.float16
    assert stored.max() > 200
    measured = red()(stored).numpy().mean(axis=(1, 2))[:, 0]
    about: Any = record.output("oips").attributes
    np.testing.assert_allclose([oip["response"] for oip in about["oips"]], measured, rtol=1e-6)


def test_pixels_that_are_declared_are_stored_with_the_model(bench: Bench) -> None:
    model = registered(bench, pixels="CAFFE")
    stored = find_model(bench.store, model)
    assert stored.pixels == Pixels.parse("caffe")
    assert stored.pixels_from == "declared"
    assert stored.record.parameters == {"file": "net.keras", "pixels": "caffe"}
    assert bench.sweep(model=model, layers=["one"])["left"] == 0
    units = bench.store.run(bench.latest).units
    of_no_picture = ("data", "weights")
    for unit in units.values():
        made = bench.store.record(unit.record)
        assert (made.task, made.parameters.get("pixels")) == (
            made.task,
            None if made.task in of_no_picture else "caffe",
        )


def test_pixels_that_nothing_tells_are_asked_for_and_plain_ones_keep_recipes(bench: Bench, said: list[str]) -> None:
    model = registered(bench)
    assert find_model(bench.store, model).pixels is None
    assert find_model(bench.store, model).record.parameters == {"file": "net.keras"}
    assert any("registered without its pixels" in line for line in said)
    with pytest.raises(Question, match=r"not clear which pixels .* takes; accuracy on 3 test images: 0\.\.1 .*%, -1"):
        bench.sweep(model=model, layers=["one/0"])
    bench.sweep(model=model, layers=["one/0"], pixels="0..1")
    plain = bench.store.record(bench.store.run(bench.latest).units["one/0"].record)
    assert "pixels" not in plain.parameters
    again = bench.sweep(model=model, layers=["one/0"])
    assert (again["computed"], again["reused"]) == (0, 1)
    assert find_model(bench.store, model).pixels == PLAIN


def test_a_declaration_that_comes_later_moves_every_name_and_leaves_what_was_made(
    bench: Bench, said: list[str]
) -> None:
    model = registered(bench)
    before = bench.sweep(model=model, layers=["one"], pixels="0..1")
    old = bench.store.refs()[model]
    after = bench.sweep(model=model, layers=["one"], pixels="-1..1")
    assert (before["computed"], after["computed"]) == (3, 3)
    store = bench.store
    assert store.refs()[model] == store.refs()[LATEST] != old
    assert find_model(store, model).pixels == Pixels.parse("-1..1")
    assert find_model(store, find_model(store, model).digest).pixels == Pixels.parse("-1..1")
    assert store.record(old.removeprefix("record:")).output("model").identity == find_model(store, model).identity
    assert any("takes -1..1 from now on, where 0..1 was declared before" in line for line in said)
    bench.sweep(model=model, layers=["one"], pixels="torch")
    assert any("takes torch from now on, where -1..1 was declared before" in line for line in said)
    # and back: nothing is computed again
    again = bench.sweep(model=model, layers=["one"], pixels="-1..1")
    assert (again["computed"], again["reused"]) == (0, 3)


def test_pixels_that_do_not_suit_are_refused_and_nothing_is_left(tmp_path: Path) -> None:
    grey = keras.Sequential([keras.Input((8, 8, 1)), kl.Conv2D(2, 3, activation="relu")])
    bench = Bench(tmp_path / "store", saved(grey, tmp_path / "grey.keras"), None)
    with pytest.raises(BadInput, match="pixels torch do not suit a network that takes 1 channels"):
        bench.sweep(pixels="torch")
    assert not list(bench.store.records())
    assert not bench.store.runs()


@pytest.mark.parametrize(
    ("what", "held"), [("mean", True), ("before.png", True), ("before.npy", False), ("0.5", False)]
)
def test_a_picture_that_an_input_is_held_at_is_not_left_in_other_pixels(
    bench: Bench, tmp_path: Path, what: str, held: bool
) -> None:
    now, before = keras.Input((SIDE, SIDE, 3), name="now"), keras.Input((SIDE, SIDE, 3), name="before")
    maps = kl.Conv2D(3, 3, activation="relu", name="maps")(kl.Subtract()([now, before]))
    bench = replace(bench, model=saved(with_weights(keras.Model([now, before], maps)), tmp_path / "net.keras"))
    Image.fromarray(np.full((SIDE, SIDE, 3), 200, np.uint8)).save(tmp_path / "before.png")
    np.save(tmp_path / "before.npy", np.zeros((SIDE, SIDE, 3), np.float32))
    at = str(tmp_path / what) if "." in what and what != "0.5" else what
    name = registered(bench, hold=[f"before={at}"], pixels="-1..1")
    if held:
        with pytest.raises(BadInput, match=f"holds input 'before' at .*{what}, as pixels -1..1: to have both as caffe"):
            bench.sweep(model=name, pixels="caffe")
        assert str(find_model(bench.store, name).pixels) == "-1..1"
    else:
        bench.sweep(model=name, pixels="caffe")
        assert str(find_model(bench.store, name).pixels) == "caffe"


def test_a_network_that_was_trained_here_takes_nothing_else(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "store", None, "digits")
    from lib.training.settings import TrainSettings

    with pytest.raises(BadInput, match=r"trained here takes pixels 0\.\.1"):
        bench.sweep(train=TrainSettings(epochs=1), pixels="0..255")
    assert not bench.store.runs()


@pytest.mark.parametrize("text", ["0..255", "caffe"])
def test_analyses_and_dreams_come_from_the_declaration(bench: Bench, tmp_path: Path, text: str) -> None:
    from flows.analyse import analyse
    from flows.dream import dream

    pixels = Pixels.parse(text)
    model = registered(bench)
    asked: dict[str, Any] = {"store": str(bench.root), "model": model, "pixels": text}
    answer = analyse(AnalyseParameters(**asked, images=["test/1"]))
    store = bench.store
    data = next(record for record in store.records() if record.task == "data")
    images, labels = (np.asarray(store.array(data.output(role).digest)) for role in ("test_imgs", "test_labels"))
    wanted = net().predict(pixels.to_network(images), verbose=0)
    assert answer["accuracy"] == pytest.approx(float((wanted.argmax(1) == labels).mean()))
    units = store.run(answer["run"]).units
    found = store.array(store.record(units["predictions of test"].record).output("probabilities").digest)
    np.testing.assert_allclose(found, wanted, atol=1e-4)
    for unit in units.values():
        assert store.record(unit.record).parameters["pixels"] == text
    write_photograph(tmp_path / "pictures" / "one.png")
    settings = {"octaves": 1, "steps": 2, "objective": "one/0"}
    places = {"pictures": [str(tmp_path / "pictures")], "out": tmp_path / "dreams"}
    dreamed = dream(DreamParameters(**asked, **places, settings=settings))  # type: ignore[arg-type]
    (made,) = (unit for unit in store.run(dreamed["run"]).units.values() if unit.kind == "dream")
    assert store.record(made.record).parameters["pixels"] == text


def of_three_colours() -> Any:
    """As in Keras's image tutorials it takes 0..255 and rescales inside; each class is a colour's."""
    model = keras.Sequential(
        [
            keras.Input((24, 24, 3)),
            kl.Rescaling(1 / 255, name="rescaling"),
            kl.Conv2D(3, 1, activation="relu", name="conv"),
            kl.GlobalMaxPooling2D(),
            kl.Dense(3, activation="softmax", name="classes"),
        ]
    )
    kernel = np.eye(3, dtype=np.float32)[:, ::-1].reshape(1, 1, 3, 3)  # blue, green, red, in the order of the folders
    model.get_layer("conv").set_weights([kernel, np.full(3, -0.5, np.float32)])
    model.get_layer("classes").set_weights([20 * np.eye(3, dtype=np.float32), np.zeros(3, np.float32)])
    return model


def test_a_network_that_rescales_inside_is_as_accurate_as_in_keras(tmp_path: Path) -> None:
    from flows.analyse import analyse

    random = np.random.default_rng(0)
    for name, many, colour in (
        ("blue", 5, (40, 60, 230)),
        ("grün", 12, (40, 200, 60)),
        ("red spots", 30, (220, 40, 40)),
    ):
        (tmp_path / "three" / name).mkdir(parents=True)
        for number in range(many):
            pixels = random.integers(0, 60, (24, 24, 3)).astype(np.uint8)
            y, x = random.integers(0, 16, 2)
            pixels[y : y + 8, x : x + 8] = colour
            Image.fromarray(pixels).save(tmp_path / "three" / name / f"pic {number}.png")
    bytes_ = keras.utils.image_dataset_from_directory(tmp_path / "three", image_size=(24, 24), verbose=False)
    model = of_three_colours()
    model.compile(metrics=["accuracy"], loss="sparse_categorical_crossentropy")
    in_keras = model.evaluate(bytes_, verbose=0)[1]
    answer = analyse(
        AnalyseParameters(
            store=str(tmp_path / "store"),
            model=str(saved(model, tmp_path / "range255.keras")),
            data=f"folder:{tmp_path / 'three'}",
            pixels="0..255",
        )
    )
    assert answer["accuracy"] == in_keras == 1.0


def test_a_night_hands_pixels_on() -> None:
    night = NightlyParameters(model="model/mine", pixels="0..255", growth=GROWTH)
    assert night.sweep_parameters("model/mine").pixels == "0..255"
    assert night.analysis is not None
    assert night.analyse_parameters(night.analysis, "model/mine").pixels == "0..255"


def with_inverse(model: Any, pixels: Pixels) -> Any:
    """The network with what undoes the declaration built in: it takes 0..1."""
    entry = keras.Input((SIDE, SIDE, 3))
    x = entry
    if pixels.bgr:
        turned = kl.Dense(3, use_bias=False)
        x = turned(x)
        turned.set_weights([np.eye(3, dtype=np.float32)[::-1]])
    deviation, mean = (np.broadcast_to(np.array(part), 3) for part in (pixels.deviation, pixels.mean))
    x = kl.Rescaling((1 / deviation).tolist(), (-mean / deviation).tolist())(x)
    return keras.Model(entry, model(x))


@pytest.mark.parametrize("text", ["0..255", "-1..1", "caffe", "torch", "20/60:BGR"])
def test_a_declaration_gives_what_the_same_preprocessing_gives_within_the_network(
    tmp_path: Path, data: str, text: str
) -> None:
    """OIPs, exemplars and responses; the names of layers are the outer model's, so starts are shared."""
    pixels = Pixels.parse(text)
    growth = replace(GROWTH, shared_starts=True, constraint="box")
    outer = Bench(tmp_path / "outer", saved(net(), tmp_path / "net.keras"), data)
    inner = Bench(tmp_path / "inner", saved(with_inverse(net(), pixels), tmp_path / "inner.keras"), data)
    one = outer.sweep(pixels=text, growth=growth, layers=["one"])
    two = inner.sweep(pixels="0..1", growth=growth, layers=["*/one"])
    reach = max(unit["response"] for unit in two["units"])
    for first, second in zip(one["units"], two["units"], strict=True):
        assert first["verdict"] == second["verdict"]
        assert first["response"] == pytest.approx(second["response"], rel=1e-3, abs=1e-4 * reach)
        records = [
            bench.store.record(bench.store.run(bench.latest).units[unit["unit"]].record)
            for bench, unit in ((outer, first), (inner, second))
        ]
        about: list[Any] = [record.output("oips").attributes for record in records]
        assert about[0]["exemplars"] == about[1]["exemplars"]
        np.testing.assert_allclose(about[0]["exemplar_responses"], about[1]["exemplar_responses"], rtol=1e-3, atol=1e-3)
        images = [
            np.asarray(b.store.array(r.output("oips").digest)) for b, r in zip((outer, inner), records, strict=True)
        ]
        np.testing.assert_allclose(pixels.to_pictures(images[0][0]), images[1][0], atol=0.02)
