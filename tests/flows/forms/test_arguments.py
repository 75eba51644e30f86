"""Flows are called with the fields of their forms, and still with the one argument that held them all."""

import inspect
from pathlib import Path
from typing import Any

import pytest
from prefect.utilities.schema_tools import ValidationError, validate

from flows.forms.arguments import flattened, form_of, read_arguments, schema_of
from flows.forms.parameters import Dreaming, NightlyParameters, RegisterParameters, SweepParameters
from flows.running.fields import takes_fields
from lib.errors import BadInput


@takes_fields
def flow(parameters: NightlyParameters) -> NightlyParameters:
    """A night that gives back what it was asked for."""
    return parameters


def test_a_flow_takes_a_form_its_fields_and_the_argument_that_held_them() -> None:
    asked = NightlyParameters(budget=5, model="model/latest")
    assert flow(asked) is asked
    for found in (
        flow(budget=5, model="model/latest"),
        flow({"budget": 5, "model": "model/latest"}),
        flow(parameters={"budget": 5}, model="model/latest"),
        flow({"budget": 5}, budget=5, model="model/latest"),
    ):
        assert found == asked
    assert flow() == NightlyParameters()


def test_a_field_within_the_old_argument_wins_over_the_one_that_a_deployment_has_saved_beside_it() -> None:
    found = flow({"budget": 10, "model": None, "dreams": None}, budget=5, model="model/own", dreams=None, batch=8)
    assert found == NightlyParameters(budget=10, batch=8)
    assert found.dreams == Dreaming()  # as None meant there


def test_a_form_with_fields_beside_it_is_refused() -> None:
    with pytest.raises(BadInput, match="parameters and budget are both given"):
        flow(NightlyParameters(), budget=6)


@pytest.mark.parametrize("whole", ["model/latest", 5, ["budget"], Dreaming()])
def test_what_is_no_form_is_refused(whole: object) -> None:
    with pytest.raises(BadInput, match=r"parameters is .* it must be an object with the fields of the form"):
        flow(whole)


def test_a_field_that_must_be_given_is_asked_for_by_its_title() -> None:
    with pytest.raises(BadInput, match=r"File is .*; it must be given"):
        read_arguments(RegisterParameters, None, {})
    assert read_arguments(RegisterParameters, None, {"file": "a.keras"}).file == Path("a.keras")


def test_a_call_is_recorded_as_it_was_made_without_defaults() -> None:
    signature = inspect.signature(flow)
    assert list(signature.parameters) == ["parameters", *NightlyParameters.model_fields]

    def recorded(*arguments: object, **named: object) -> dict[str, Any]:
        bound = signature.bind(*arguments, **named)
        bound.apply_defaults()
        return dict(bound.arguments)

    assert recorded() == {}
    assert recorded(budget=5, dreams=None) == {"budget": 5, "dreams": None}
    assert recorded({"budget": 5}) == {"parameters": {"budget": 5}}
    with pytest.raises(TypeError):
        signature.bind(budgte=5)


def test_none_is_no_dreams_by_name_and_was_the_usual_ones_within_the_old_argument() -> None:
    assert flow(dreams=None).dreams is None
    assert flow(NightlyParameters(dreams=None)).dreams is None
    assert flow({"dreams": None}).dreams == Dreaming()
    assert flow({"analysis": None}).analysis is None  # meant the same then


def test_saved_parameters_are_flattened_once() -> None:
    old = {"parameters": {"budget": 5, "dreams": None, "growth": {"seed": 1}}}
    flat = {"budget": 5, "growth": {"seed": 1}}
    assert flattened(old) == flattened(flat) == flat
    assert flattened({"parameters": {"budget": 5}, "budget": 6, "batch": 8}) == {"budget": 5, "batch": 8}
    assert flattened({"parameters": {"dreams": None}, "dreams": None}) == {}
    assert flattened({"dreams": None}) == {"dreams": None}
    assert flattened({"parameters": ["of another flow"]}) == {"parameters": ["of another flow"]}


def test_every_flow_is_called_with_the_form_that_its_function_is_written_for() -> None:
    from flows.serving.deployments import FLOWS, find_flow

    for name in FLOWS:
        form = form_of(find_flow(name).fn)
        assert list(inspect.signature(find_flow(name).fn).parameters) == ["parameters", *form.model_fields]
    assert form_of(find_flow("oip-sweep").fn) is SweepParameters


@pytest.mark.parametrize("wrong", [{"budget": "soon"}, {"budgte": 5}, {"growth": {"starts": -1}}, {"dreams": 5}])
def test_the_server_refuses_within_the_old_argument_what_it_refuses_beside_it(wrong: dict[str, Any]) -> None:
    schema = schema_of(NightlyParameters)
    validate({"parameters": {"budget": 5, "store": "/own", "dreams": None, "growth": {"seed": 1}}}, schema, True)
    for asked in (wrong, {"parameters": wrong}):
        with pytest.raises(ValidationError):
            validate(asked, schema, True)
