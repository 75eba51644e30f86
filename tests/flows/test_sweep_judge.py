"""Sweeps whose pictures another network judges: what they make, and which judges are refused, in one line each."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flows.forms.judges import find_judge
from flows.forms.parameters import NightlyParameters, RegisterParameters, SweepParameters
from flows.forms.resolve import resolve
from flows.running.judges import obtain_judge
from flows.running.models import register_in
from lib.errors import BadInput
from lib.training.settings import TrainSettings
from storage.store import Record, Store
from tasks.model.network import natural_of
from tasks.model.stored import data_of, find_model
from tasks.session.progress import listen
from tasks.session.session import session
from tests.flows.tiny import MAPS, SIDE, Bench, saved, small_cnn, write_pictures

LAYER = "Conv2D_1"
SWEPT, JUDGE = "model/swept", "model/judge"


def trained(data: str, store: Store) -> Any:
    """A network that tells the three classes apart."""
    import keras

    from tasks.model.data import load_data

    found = load_data(store, data_of_name(store, data))
    keras.utils.set_random_seed(4)
    model = small_cnn(4)
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(np.array(found.train_imgs), np.array(found.train_labels), epochs=20, batch_size=16, verbose=0)
    return model


def data_of_name(store: Store, data: str) -> Record:
    from tasks.model.model_tasks import store_data

    with session(store.root, "test", {}) as run:
        return store.record(store_data.fn(data, None, run.run.id).data)


def register(store: Store, name: str, file: Path, data: str | None = None, pixels: str | None = "0..1") -> None:
    with session(store.root, "register", {}) as run:
        register_in(run, RegisterParameters(store=store.root, file=file, data=data, pixels=pixels, name=name))


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A store with a network to sweep, a trained one to judge it, and one of random weights."""
    folder = tmp_path_factory.mktemp("judges")
    store = Store.open(folder / "store")
    data = write_pictures(folder / "pictures", each=60)
    register(store, SWEPT, saved(small_cnn(), folder / "swept.keras"), data)
    register(store, JUDGE, saved(trained(data, store), folder / "judge.keras"), data)
    register(store, "model/random", saved(small_cnn(9), folder / "random.keras"), data)
    return Bench(folder / "store", SWEPT, None)


def obtain(bench: Bench, name: str, swept: str = SWEPT) -> Any:
    store = bench.store
    stored = find_model(store, swept)
    data = data_of(store, stored.record)
    with session(store.root, "test", {}) as run:
        return obtain_judge(run, name, stored, None if data is None else natural_of(store, data), data)


def scores_of(bench: Bench, run: str, layer: str = LAYER) -> Record | None:
    result = bench.store.run(run).units.get(f"interpretability of {layer}")
    return None if result is None else bench.store.record(result.record)


@pytest.mark.usefixtures("prefect_server")
def test_a_sweep_with_a_judge_has_scores_and_one_without_has_none_and_loses_none(bench: Bench) -> None:
    alone = bench.sweep(layers=[LAYER])
    assert scores_of(bench, alone["run"]) is None
    judged = bench.sweep(layers=[LAYER], judge="judge")  # a ref may be given without its model/
    assert (judged["computed"], judged["reused"], judged["waiting"]) == (0, MAPS[LAYER], [])
    record = scores_of(bench, judged["run"])
    assert record is not None
    output = record.output("interpretability")
    assert (output.shape, output.attributes["judge"]) == ((MAPS[LAYER],), JUDGE)
    assert record.recipe_inputs["judge"] == find_model(bench.store, JUDGE).identity
    again = bench.sweep(layers=[LAYER], judge=JUDGE)
    unit = bench.store.run(again["run"]).units[f"interpretability of {LAYER}"]
    assert (unit.how, unit.record) == ("reused", record.key)


@pytest.mark.usefixtures("prefect_server")
def test_a_judge_that_fails_fails_no_map(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.sweep.interpretability.hold_trial", lambda *_, **__: 1 / 0)
    state = bench.state(layers=["Conv2D_2/1"], judge=JUDGE)
    assert (state.is_failed(), state.message) == (True, "failed: interpretability")
    summary = bench.summary(bench.latest)
    assert summary["verdicts"]["Conv2D_2"]["responded"] == 1


@pytest.mark.usefixtures("prefect_server")
def test_layers_that_are_not_judged_in_time_wait_for_the_next_run(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    from datetime import UTC, datetime

    import flows.sweep
    from lib.deadline import Deadline

    take_stock = flows.sweep._take_stock

    def at_the_end(context: Any, *arguments: Any) -> int:
        context.session.deadline = Deadline(datetime.now(UTC))
        return take_stock(context, *arguments)

    monkeypatch.setattr(flows.sweep, "_take_stock", at_the_end)
    late = bench.state(layers=["Conv2D_2/2"], judge=JUDGE)
    assert late.name == "Partial"
    assert bench.summary(bench.latest)["waiting"] == [
        f"{what} of Conv2D_2" for what in ("naturalness", "interpretability", "negatives")
    ]
    monkeypatch.undo()
    after = bench.sweep(layers=["Conv2D_2/2"], judge=JUDGE)
    assert after["waiting"] == []
    assert scores_of(bench, after["run"], "Conv2D_2") is not None


def test_a_trained_network_may_judge(bench: Bench) -> None:
    judge = obtain(bench, JUDGE)
    assert (judge.name, judge.identity) == (JUDGE, find_model(bench.store, JUDGE).identity)


def test_a_network_of_random_weights_is_refused(bench: Bench) -> None:
    with pytest.raises(BadInput, match=r"the judge model/random is right on .+ of 36 test images, no more than by"):
        obtain(bench, "model/random")


def test_a_network_of_other_classes_is_taken_with_a_warning(bench: Bench, tmp_path: Path) -> None:
    import keras

    trunk = small_cnn(4)
    other = keras.Model(trunk.inputs, keras.layers.Dense(7, activation="softmax")(trunk.layers[-2].output))
    register(bench.store, "model/other-classes", saved(other, tmp_path / "other.keras"))
    heard: list[str] = []
    with listen(lambda *_: None, heard.append):
        assert obtain(bench, "model/other-classes").name == "model/other-classes"
    assert [line for line in heard if "nothing tells whether the judge model/other-classes is trained" in line]


def test_a_network_of_which_nobody_knows_the_pixels_is_refused(bench: Bench, tmp_path: Path) -> None:
    register(bench.store, "model/unsaid", saved(small_cnn(11), tmp_path / "unsaid.keras"), pixels=None)
    with pytest.raises(BadInput, match="not known which pixels the judge model/unsaid takes: register its file again"):
        obtain(bench, "model/unsaid")


def test_a_network_that_takes_colours_is_refused_for_grey_images(bench: Bench, tmp_path: Path) -> None:
    import keras

    colours = keras.Sequential(
        [keras.Input((SIDE, SIDE, 3)), keras.layers.Conv2D(4, 3), keras.layers.Flatten(), keras.layers.Dense(3)]
    )
    register(bench.store, "model/colours", saved(colours, tmp_path / "colours.keras"))
    with pytest.raises(BadInput, match=r"the judge model/colours takes images of 3 channels, .+ data set have 1: name"):
        obtain(bench, "model/colours")


def test_too_few_images_are_refused(bench: Bench, tmp_path: Path) -> None:
    data = write_pictures(tmp_path / "few")
    register(bench.store, "model/few", saved(small_cnn(12), tmp_path / "few.keras"), data)
    with pytest.raises(BadInput, match=r"a judge needs 38 images, .+ the data set has 21: name"):
        obtain(bench, JUDGE, "model/few")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"judge": "model/nobody"}, "nobody"),
        ({"judge": SWEPT}, "the judge model/swept is the swept network itself"),
        ({"judge": "swept"}, "the judge model/swept is the swept network itself"),
        ({"judge": "{place}/judge.keras"}, "is a file: register it first, and give its name"),
        ({"judge": JUDGE, "model": "model/no-data"}, "a judge needs natural images, and there is no data set"),
    ],
)
def test_what_records_tell_is_told_before_anything_starts(
    bench: Bench, tmp_path: Path, given: dict[str, str], words: str
) -> None:
    register(bench.store, "model/no-data", saved(small_cnn(13), tmp_path / "no-data.keras"))
    told = {name: value.format(place=bench.root) for name, value in given.items()}
    for form in (SweepParameters, NightlyParameters):
        asked: dict[str, Any] = {"store": str(bench.root), "model": SWEPT, "analysis": None} | told
        if form is SweepParameters:
            del asked["analysis"]
        with pytest.raises(BadInput, match=words) as refused:
            resolve(form(**asked))
        assert "\n" not in str(refused.value)


def test_the_same_network_under_another_name_is_refused(bench: Bench, tmp_path: Path) -> None:
    register(bench.store, "model/copy", saved(small_cnn(), tmp_path / "copy.keras"))
    with pytest.raises(BadInput, match="is the swept network itself, or of the same training"):
        obtain(bench, "model/copy")


def test_a_network_that_is_trained_first_may_have_a_judge(bench: Bench) -> None:
    found = resolve(SweepParameters(store=str(bench.root), train=TrainSettings(), judge=JUDGE))
    assert found.model is None


def test_another_moment_of_the_same_training_is_refused(small: Any) -> None:
    first, whole = (find_model(small.store, f"model/digits-1de27171{epoch}") for epoch in ("@1", ""))
    for judge, swept in ((whole, first), (first, whole)):
        with pytest.raises(BadInput, match="is the swept network itself, or of the same training"):
            find_judge(small.store, judge.name, swept)
    assert find_judge(small.store, whole.name, None).name == whole.name
