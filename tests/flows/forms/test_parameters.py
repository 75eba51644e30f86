"""Parameters are forms: every field says what it is, has a default that works, and refuses what cannot be."""

import asyncio
import re
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator

from flows.forms.arguments import schema_of
from flows.forms.entries import find_entry, title_of
from flows.forms.parameters import DreamParameters, NightlyParameters, SweepParameters, TrainParameters
from flows.serving.server_settings import api_headers
from lib.errors import BadInput
from lib.training.settings import TrainSettings

MODELS = {
    "train": TrainParameters,
    "oip-sweep": SweepParameters,
    "dream": DreamParameters,
    "nightly": NightlyParameters,
}
CHOICES = {
    "constraint",
    "growth.objective",
    "optimiser",
    "schedule",
    "style",
    "timezone",
    "mode",
    "colours",
    "animation",
}

WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("oip-sweep", {"growth": {"starts": -1}}, "growth.starts"),
    ("oip-sweep", {"growth": {"constraint": "sphere"}}, "growth.constraint"),
    ("oip-sweep", {"growth": {"length_scales": [[0]]}}, "growth.length_scales"),
    ("oip-sweep", {"growth": {"start": 8}}, "growth"),
    ("oip-sweep", {"style": "loud"}, "style"),
    ("oip-sweep", {"layers": [""]}, "layers"),
    ("oip-sweep", {"size": "64"}, "size"),
    ("oip-sweep", {"batch": 0}, "batch"),
    ("oip-sweep", {"maps_per_task": 1.5}, "maps_per_task"),
    ("oip-sweep", {"no_such_field": 1}, "no_such_field"),
    ("train", {"data": "mnits"}, "data"),
    ("train", {"settings": {"momentum": 1}}, "settings.momentum"),
    ("train", {"settings": {"optimiser": "adagrad"}}, "settings.optimiser"),
    ("dream", {"pictures": []}, "pictures"),
    ("dream", {"settings": {"mode": "octave"}}, "settings.mode"),
    ("dream", {"settings": {"strength": 1.5}}, "settings.strength"),
    ("dream", {"zoom": 0}, "zoom"),
    ("dream", {"animation": "avi"}, "animation"),
    ("nightly", {"dreams": {"passes": 0}}, "dreams.passes"),
    ("nightly", {"finish_by": "6:30"}, "finish_by"),
    ("nightly", {"timezone": "Mars/Olympus_Mons"}, "timezone"),
    ("nightly", {"budget": 0}, "budget"),
    ("nightly", {"stalled_after": 0}, "stalled_after"),
]

# As forms send them: what is left empty is left out, by some of them sent as null.
RIGHT: list[tuple[str, dict[str, Any]]] = [
    ("train", {}),
    ("oip-sweep", {}),
    ("nightly", {}),
    ("oip-sweep", {"model": None, "data": None, "layers": None, "size": None, "finish_by": None, "budget": None}),
    ("oip-sweep", {"layers": ["Conv2D_*", "dense/3"], "size": "64x48", "style": "clean", "train": {"epochs": 3}}),
    ("dream", {}),
    ("dream", {"pictures": ["/pictures"], "settings": {"objective": "Conv2D_3/56"}, "passes": 3, "animation": "gif"}),
    ("nightly", {"dreams": {"tour": "Conv2D_3"}}),
    ("nightly", {"data": "folder:/pictures", "finish_by": "06:30", "timezone": "Europe/Berlin", "budget": 0.5}),
]


def leaves(flow: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every field of a form that something is filled into, by its path."""
    schema = schema_of(MODELS[flow])
    definitions = schema["definitions"]

    def within(definition: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
        assert not definition.get("required"), f"{path} cannot be left as it is"
        for name, field in definition["properties"].items():
            inner = [kind["$ref"] for kind in (field, *field.get("anyOf", [])) if "$ref" in kind]
            yield f"{path}{name}", field
            for reference in inner:
                yield from within(definitions[reference.rpartition("/")[2]], f"{path}{name}.")

    yield from within(schema, "")


@pytest.mark.parametrize("flow", MODELS)
def test_every_field_has_a_label_and_a_description_of_its_own(flow: str) -> None:
    fields = dict(leaves(flow))
    assert len(fields) > 10
    for path, field in fields.items():
        name = path.rpartition(".")[2]
        assert field["title"][:1].isupper(), path
        assert "_" not in field["title"], path
        assert field["description"].endswith("."), path
        assert len(field["description"]) > len(name), path


@pytest.mark.parametrize("flow", MODELS)
def test_every_default_that_a_form_shows_is_within_its_limits_and_the_models_own(
    flow: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DREAMSWEEP_MNIST", raising=False)
    defaults = MODELS[flow]().model_dump(mode="json")
    for path, field in leaves(flow):
        if path.startswith("train.") and flow != "nightly":
            continue  # shown once it is chosen to train first
        own: Any = defaults
        for name in path.split("."):
            own = own[name]
        if "default" in field:
            assert field["default"] == (without_none(own) if isinstance(own, dict) else own), path
            if "anyOf" not in field:
                Draft202012Validator(field).validate(field["default"])
        elif isinstance(own, float):  # with so many decimals the old UI's field would refuse it
            assert f"Empty: {own:g}." in field["description"], path
        else:
            assert own is None or isinstance(own, dict), path


def without_none(own: dict[str, Any]) -> dict[str, Any]:
    """What a form shows of a group's defaults: what is left empty is not there."""
    return {
        name: without_none(value) if isinstance(value, dict) else value
        for name, value in own.items()
        if value is not None
    }


@pytest.mark.parametrize("flow", MODELS)
def test_a_form_shows_its_fields_and_neither_the_store_nor_the_argument_that_held_all(flow: str) -> None:
    schema = schema_of(MODELS[flow])
    hidden = {"store", "data_dir", "parameters"}
    assert set(schema["properties"]) == set(MODELS[flow].model_fields) - hidden
    assert [field["position"] for field in schema["properties"].values()] == list(range(len(schema["properties"])))
    assert hidden & set(schema["propertyNames"]["enum"]) == hidden - ({"data_dir"} if flow == "dream" else set())


def test_a_group_that_is_none_is_off_and_one_that_is_on_says_what_it_is() -> None:
    for name in ("dreams", "analysis"):
        shown = schema_of(NightlyParameters)["properties"][name]
        assert shown["default"] == without_none(NightlyParameters().model_dump(mode="json")[name])
        assert NightlyParameters.model_validate({name: shown["default"]}) == NightlyParameters()
        assert "None: nothing is" in shown["description"]
    night = NightlyParameters.model_validate({"dreams": None, "analysis": None})
    assert (night.dreaming, night.analysis) == (None, None)


@pytest.mark.parametrize("flow", MODELS)
def test_choices_are_drop_downs_and_numbers_have_limits(flow: str) -> None:
    for path, field in leaves(flow):
        kinds = [field, *field.get("anyOf", [])]
        if CHOICES & {path, path.rpartition(".")[2]}:
            assert len(field["enum"]) > 1, path
        if any(kind.get("type") in {"integer", "number"} for kind in kinds):
            assert any({"minimum", "exclusiveMinimum"} & set(kind) for kind in kinds), path


def test_the_server_refuses_wrong_values_by_their_field_and_takes_right_ones(prefect_server: str) -> None:
    from prefect.client.orchestration import get_client

    from flows.serving.deployments import make_deployments

    async def register() -> dict[str, Any]:
        async with get_client() as client:
            return {made.flow_name: await made.aapply() for made in await make_deployments(client, print)}

    deployments = asyncio.run(register())

    def create(flow: str, given: dict[str, Any]) -> httpx.Response:
        body = {"parameters": given, "state": {"type": "PAUSED"}}
        address = f"{prefect_server}/deployments/{deployments[flow]}/create_flow_run"
        while True:  # SQLite may be busy: Prefect's clients ask again
            answer = httpx.post(address, json=body, headers=api_headers(), trust_env=False, timeout=30)
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                return answer
            time.sleep(0.5)

    try:
        for flow, given, field in WRONG:
            answer = create(flow, given)
            assert answer.status_code in {409, 422}, (flow, given, answer.text)
            assert field in answer.text, (flow, given)
        for flow, given in RIGHT:
            answer = create(flow, given)
            assert answer.status_code == 201, (flow, given, answer.text)
            MODELS[flow].model_validate(given)
    finally:
        for deployment in deployments.values():
            httpx.delete(f"{prefect_server}/deployments/{deployment}", headers=api_headers(), trust_env=False)


# which data sets there are is said by the flow
@pytest.mark.parametrize(("flow", "given", "field"), [case for case in WRONG if case[2] != "data"])
def test_wrong_values_are_refused_as_well_where_no_server_looks(flow: str, given: dict[str, Any], field: str) -> None:
    with pytest.raises(BadInput) as caught:
        MODELS[flow].model_validate(given)
    check_words(str(caught.value), MODELS[flow], field)


def test_a_run_with_wrong_values_fails_with_the_same_words(prefect_server: str) -> None:
    from flows.sweep import oip_sweep

    growth = {"starts": -1}
    for state in (oip_sweep(growth=growth, return_state=True), oip_sweep({"growth": growth}, return_state=True)):
        assert state.is_failed()
        assert state.message is not None
        check_words(state.message, MODELS["oip-sweep"], "growth.starts")


def check_words(message: str, form: type[Any], field: str) -> None:
    """They are ours: one line that calls the value as the form does."""
    assert "\n" not in message
    assert "pydantic" not in message
    assert "validation error" not in message
    path, _ = find_entry(form, field.split("."))
    unknown = {"growth": "start", "no_such_field": "no_such_field"}.get(field)
    assert (f"there is no field {unknown!r}" if unknown else title_of(form, path)) in message


@pytest.mark.parametrize("model", MODELS.values())
def test_what_is_written_down_of_parameters_can_be_read_again(model: type[Any]) -> None:
    for given in ({}, {"finish_by": "06:30", "budget": 12.5}):
        asked = model(**given)
        assert model.model_validate(asked.model_dump(mode="json")) == asked


def test_an_empty_text_is_none_and_a_size_is_height_and_width() -> None:
    asked = SweepParameters.model_validate({"model": "", "finish_by": "", "size": "64x48"})
    assert (asked.model, asked.finish_by, asked.size) == (None, None, (64, 48))
    assert asked.model_dump(mode="json")["size"] == "64x48"
    assert SweepParameters(size=(64, 48)) == SweepParameters.model_validate({"size": "64x48"})


def test_a_sweep_trains_first_only_where_that_is_asked_for() -> None:
    assert SweepParameters().train_parameters() is None
    asked = SweepParameters(train=TrainSettings(epochs=2), data="mnist", budget=30, store="here")
    training = asked.train_parameters()
    assert training == TrainParameters(settings=TrainSettings(epochs=2), data="mnist", budget=30, store="here")
    assert SweepParameters(train=TrainSettings()).train_parameters() == TrainParameters()


def test_a_night_trains_unless_a_model_is_named_and_sweeps_with_all_that_it_was_told() -> None:
    night = NightlyParameters(data="mnist", style="clean", layers=["Conv2D_1"], finish_by="06:30", maps_per_task=4)
    training = night.train_parameters()
    assert training is not None
    assert (training.data, training.finish_by) == ("mnist", "06:30")
    swept = night.sweep_parameters("model/mnist-12345678")
    assert (swept.model, swept.train, swept.data) == ("model/mnist-12345678", None, None)
    assert (swept.layers, swept.maps_per_task, swept.growth) == (["Conv2D_1"], 4, night.growth)
    named = NightlyParameters(model="model/own", data="folder:pictures")
    assert named.train_parameters() is None
    assert named.sweep_parameters("model/own").data == "folder:pictures"


def test_a_form_takes_every_data_set_that_there_is() -> None:
    from lib.data.mnist import CANONICAL

    pattern = dict(leaves("train"))["data"]["pattern"]
    for name in ("digits", *CANONICAL, "folder:some pictures"):
        assert re.fullmatch(pattern, name), name
    for name in ("", "digit", "mnist2", "folder:"):
        assert not re.fullmatch(pattern, name), name
