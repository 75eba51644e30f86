"""What a form cannot know is known before TensorFlow is imported, and said as the flow itself would say it."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flows.forms.parameters import (
    AnalyseParameters,
    Analysing,
    Dreaming,
    DreamParameters,
    NightlyParameters,
    RegisterParameters,
    SweepParameters,
    TrainParameters,
)
from flows.forms.resolve import resolve
from lib.analysis.settings import AnalysisSettings
from lib.dream.settings import DreamSettings
from lib.errors import BadInput
from lib.pictures.names import show_name
from lib.training.settings import TrainSettings
from storage.errors import StoreError
from storage.record import NewOutput
from storage.store import Store
from tests.flows.tiny import keras_file, write_pictures


@pytest.fixture
def place(tmp_path: Path, committing: Callable[..., Any]) -> Path:
    """A store with that model in it, called model/latest; the file lies beside it, and a folder with no pictures."""
    store = Store.open(tmp_path / "store")
    about = {"data_record": None}
    output = NewOutput("model", keras_file(), "model", "application/x-keras", attributes=about, identity="1d" * 32)
    store.set_ref("model/latest", f"record:{committing(store, 'model', {}, [output]).key}")
    (tmp_path / "small.keras").write_bytes(keras_file())
    (tmp_path / "pictures").mkdir()
    return tmp_path


def sweep(place: Path, **given: Any) -> SweepParameters:
    return SweepParameters(**{"store": str(place / "store"), "data_dir": None} | given)


@pytest.mark.parametrize("model", [None, "model/latest", "{place}/small.keras"])
@pytest.mark.parametrize(
    ("layers", "words"),
    [
        (["Conv2D_7"], "did you mean Conv2D_1"),
        (["Conv2D_1", "first"], "did you mean backbone/first"),
        (["Conv2D_1/8"], "8 units, 0 to 7"),
        (["backbone/first/0-4"], "4 units, 0 to 3"),
        (["nothing like it"], "the model has Conv2D_1, pool, backbone/first, backbone/deep, classes"),
    ],
)
def test_a_layer_or_unit_that_the_model_has_not_is_refused(
    place: Path, model: str | None, layers: list[str], words: str
) -> None:
    with pytest.raises(BadInput, match=words):
        resolve(sweep(place, model=model and model.format(place=place), layers=layers))


@pytest.mark.parametrize(
    "layers",
    [None, ["Conv2D_*"], ["Conv2D_1/0-7", "classes/2"], ["backbone/*"], ["backbone/deep/99"], ["pool"], ["*"]],
)
def test_what_the_model_has_or_may_have_passes(place: Path, layers: list[str] | None) -> None:
    resolve(sweep(place, layers=layers))
    resolve(sweep(place, layers=layers, model=str(place / "small.keras")))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"model": "model/other"}, "model/other"),
        ({"model": "none.keras"}, "there is no file none.keras"),
        ({"model": "{place}/pictures/../broken.h5"}, "neither a .keras nor a .h5 file"),
        ({"data": "mnits"}, "no data set 'mnits'"),
        ({"data": "folder:{place}/picture"}, "picture is no folder"),
        ({"data": "mnist", "data_dir": "{place}/mnist"}, "mnist is no folder"),
        ({"train": TrainSettings(), "model": "model/latest"}, "both given"),
        ({"train": TrainSettings(), "data": "mnits"}, "no data set 'mnits'"),
        ({"train": TrainSettings(), "layers": ["Conv2D_4"]}, "did you mean Conv2D_"),
        ({"train": TrainSettings(), "layers": ["Conv2D_3/128"]}, "0 to 127"),
    ],
)
def test_a_sweep_of_what_there_is_not_is_refused(place: Path, given: dict[str, Any], words: str) -> None:
    (place / "broken.h5").write_bytes(b"broken")
    told = {name: value.format(place=place) if isinstance(value, str) else value for name, value in given.items()}
    with pytest.raises((BadInput, StoreError), match=words) as refused:
        resolve(sweep(place, **told))
    assert "\n" not in str(refused.value)


def test_a_store_without_a_model_is_told_by_a_sweep_and_not_by_a_night_that_trains(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="the store has no model yet"):
        resolve(SweepParameters(store=str(tmp_path / "store")))
    resolve(NightlyParameters(store=str(tmp_path / "store"), layers=["Conv2D_2/17", "dense_2/9"]))
    resolve(SweepParameters(store=str(tmp_path / "store"), train=TrainSettings(), layers=["Conv2D_3"]))


def test_training_and_registering_want_a_data_set_that_there_is(place: Path) -> None:
    resolve(TrainParameters(store=str(place / "store"), data=write_pictures(place / "classes")))
    resolve(RegisterParameters(store=str(place / "store"), file=place / "small.keras"))
    for data in ("mnits", f"folder:{place}/none", "none.npz"):
        with pytest.raises(BadInput):
            resolve(TrainParameters(store=str(place / "store"), data=data))
        with pytest.raises(BadInput):
            resolve(RegisterParameters(store=str(place / "store"), file=place / "small.keras", data=data))


def test_nothing_is_trained_on_pictures_without_classes(place: Path) -> None:
    write_pictures(place / "all")
    for data in (f"folder:{place}/pictures", f"folder:{place}/all/class 0"):
        with pytest.raises(BadInput, match=r"has no (pictures|classes)"):
            resolve(TrainParameters(store=str(place / "store"), data=data))


def test_nothing_is_fitted_that_is_not_read(place: Path) -> None:
    data = write_pictures(place / "classes")
    resolve(sweep(place, data=data, fit="pad"))
    asked: list[Any] = [
        sweep(place, fit="pad"),
        sweep(place, data=data, fit="pad", train=TrainSettings()),
        NightlyParameters(store=str(place / "store"), data=data, fit="stretch"),
        AnalyseParameters(store=str(place / "store"), fit="pad"),
        RegisterParameters(store=str(place / "store"), file=place / "small.keras", fit="pad"),
    ]
    for parameters in asked:
        with pytest.raises(BadInput, match="it is for a data set that is named"):
            resolve(parameters)


def test_a_place_that_is_not_allowed_is_refused_first(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DREAMSWEEP_ALLOWED_ROOTS", json.dumps([str(place / "store")]))
    monkeypatch.setenv("DREAMSWEEP_STORE", str(place / "store"))
    with pytest.raises(BadInput, match="outside of what may be used here"):
        resolve(sweep(place, model=str(place / "none.keras")))


def dreaming(place: Path, **given: Any) -> dict[str, Any]:
    """What is dreamed in that store: pictures and a guide that there are."""
    (place / "guide.png").write_bytes(b"")
    return {"pictures": [str(place / "pictures")], "out": place / "dreams", "guide": place / "guide.png"} | given


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"pictures": ["{place}/pictures", "{place}/none"]}, "there is no picture .*/none: name one that there is"),
        ({"guide": "{place}/none.png"}, "there is no guide .*/none.png"),
        ({"mask": "{place}/none"}, "there is no mask .*/none"),
        ({"pictures": ["~nobody of that name/rose.png"]}, "there is no picture ~nobody"),
        ({"guide": "~nobody of that name/rose.png"}, "there is no guide ~nobody"),
        ({"settings": DreamSettings(objective="Conv2D_7")}, "did you mean Conv2D_1"),
        ({"settings": DreamSettings(objective="0.5*Conv2D_1 + classes/3")}, "3 units, 0 to 2"),
        ({"settings": DreamSettings(objective="Conv2D_1 +")}, "Conv2D_1 +"),
        ({"tour": "Conv2D_7"}, "did you mean Conv2D_1"),
        ({"tour": "Conv2D_1/8"}, "8 units, 0 to 7"),
    ],
)
def test_dreams_of_what_there_is_not_are_refused_in_the_night_too(
    place: Path, given: dict[str, Any], words: str
) -> None:
    def filled(value: Any) -> Any:
        if isinstance(value, list):
            return [filled(one) for one in value]
        return value.format(place=place) if isinstance(value, str) else value

    asked = dreaming(place, **{name: filled(value) for name, value in given.items()})
    store = str(place / "store")
    night = NightlyParameters(store=store, model="model/latest", dreams=Dreaming(**asked))
    for parameters in (DreamParameters(store=store, **asked), night):
        with pytest.raises(BadInput, match=words) as refused:
            resolve(parameters)
        assert "\n" not in str(refused.value)


def test_dreams_of_what_there_is_pass(place: Path) -> None:
    store = str(place / "store")
    for given in (
        {},
        {"mask": place / "pictures"},
        {"settings": DreamSettings(objective="0.7*Conv2D_1 - backbone/first/3")},
        {"tour": "Conv2D_1/0-7"},
        {"passes": 2, "animation": "gif"},
    ):
        resolve(DreamParameters(store=store, **dreaming(place, **given)))
        night = NightlyParameters(store=store, model="model/latest", dreams=Dreaming(**dreaming(place, **given)))
        resolve(night)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"images": ["test/3", "{place}/none.png"]}, "there is no image .*/none.png: name a file, or one as test/1302"),
        ({"layers": ["Conv2D_7"]}, "did you mean Conv2D_1"),
        ({"settings": AnalysisSettings(colour_map="virids")}, "viridis"),
    ],
)
def test_an_analysis_of_what_there_is_not_is_refused_in_the_night_too(
    place: Path, given: dict[str, Any], words: str
) -> None:
    asked = given | {"images": [image.format(place=place) for image in given.get("images", [])] or None}
    store = str(place / "store")
    night = NightlyParameters(store=store, model="model/latest", analysis=Analysing(**asked))
    for parameters in (AnalyseParameters(store=store, **asked), night):
        with pytest.raises(BadInput, match=words):
            resolve(parameters)


def test_an_analysis_of_what_there_is_passes(place: Path) -> None:
    (place / "rose.png").write_bytes(b"")
    resolve(AnalyseParameters(store=str(place / "store"), images=["test/3", str(place / "rose.png")]))


def test_files_of_any_name_are_found_as_they_are_and_as_they_are_shown(place: Path) -> None:
    for name in (b"caf\xe9.png", b"100%41.png", b"two\nlines.png"):
        file = place / os.fsdecode(name)
        file.write_bytes(b"")
        asked = {"pictures": [show_name(str(file))], "guide": file, "mask": file, "out": file.with_suffix("")}
        parameters = DreamParameters(store=str(place / "store"), **asked)
        resolve(parameters)
        written = parameters.model_dump_json()
        assert DreamParameters.model_validate_json(written) == parameters
        file.unlink()
        with pytest.raises(BadInput, match="there is no picture") as refused:
            resolve(parameters)
        assert str(refused.value).isprintable()
