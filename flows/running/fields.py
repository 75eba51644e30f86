"""Flows that are called with the fields of a form, while their functions are written for the form."""

import functools
from collections.abc import Callable
from typing import Any, Protocol, TypeVar, overload

from prefect import Flow, flow
from prefect.client.schemas.objects import State
from pydantic import BaseModel

from flows.forms.arguments import form_of, read_arguments, signature_of
from flows.running.outcome import end_in_states

Filled = TypeVar("Filled", bound=BaseModel)
R = TypeVar("R")


class _MakeFlow(Protocol):
    # A call with fields is for programs; ours have a form, whose types can be checked.
    @overload
    def __call__(self, function: Callable[[Filled], State[R]]) -> Flow[[Filled], R]: ...
    @overload
    def __call__(self, function: Callable[[Filled], R]) -> Flow[[Filled], R]: ...


def form_flow(name: str, **options: Any) -> _MakeFlow:
    """Make a flow of a function of a form: it is called with the form's fields by their names, or with a form.

    It ends as `end_in_states` says, also where the form refuses what it is called with.

    Args:
        name: of the flow.
        options: others of Prefect's `flow`.
    """

    def make(function: Callable[[Any], Any]) -> Flow[..., Any]:
        # Prefect's validation would fill in what is not given, and the form says better what is wrong.
        decorate = flow(name=name, persist_result=False, validate_parameters=False, **options)
        made: Flow[..., Any] = decorate(end_in_states(takes_fields(function)))
        return made

    return make


def takes_fields(function: Callable[[Filled], R]) -> Callable[..., R]:
    """Let a function of a form, its `parameters`, be called with the form's fields, or with a form.

    Called, it raises BadInput as `read_arguments` does. Prefect records what it was called with, without defaults.
    """
    form = form_of(function)

    @functools.wraps(function)
    def run(parameters: object = None, **fields: Any) -> R:
        if isinstance(parameters, form) and not fields:
            return function(parameters)  # type: ignore[arg-type]  # the form is its own
        return function(read_arguments(form, parameters, fields))  # type: ignore[arg-type]

    run.__dict__["__signature__"] = signature_of(form)  # Prefect reads it
    return run
