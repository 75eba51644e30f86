"""How a flow is called: with the fields of its form, by their names, whoever calls it.

Flows of earlier versions had one argument, `parameters`, which held all fields. It is still taken, so that runs of then
can be retried and scripts go on working, but no form shows it.

Importing this costs little: neither Prefect nor TensorFlow.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel

from flows.forms.form import left_empty
from flows.forms.refusals import fill_in
from lib.errors import BadInput, BadValue

WHOLE = "parameters"
"""The argument that holds all fields."""
OF_THE_SERVER = ("store", "data_dir")
"""Fields that no form shows: the server that runs a flow has them. They are still taken."""
EMPTY = "empty"
"""The keyword of a field's schema for a default that forms do not fill in."""
_NONE_WAS_THE_DEFAULT = ("dreams",)
"""Fields of which None meant the default while `parameters` was the only argument. It means none since."""

Filled = TypeVar("Filled", bound=BaseModel)


class _Given(inspect.BoundArguments):
    def apply_defaults(self) -> None:
        """Add nothing: what is not given is the form's to fill in, and Prefect is to record what was given."""


class FieldsSignature(inspect.Signature):
    """That of a function which takes the fields of a form; calls that are bound to it hold what was given alone."""

    def bind(self, *args: Any, **kwargs: Any) -> inspect.BoundArguments:
        """As any signature does, but for defaults."""
        return _Given(self, super().bind(*args, **kwargs).arguments)


def signature_of(form: type[BaseModel]) -> FieldsSignature:
    """Each field of a form by its name, and the whole form first."""
    whole = inspect.Parameter(WHOLE, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=None, annotation=Any)
    fields = (
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Any)
        for name in form.model_fields
    )
    return FieldsSignature([whole, *fields])


def form_of(function: Callable[..., Any]) -> type[BaseModel]:
    """The form of a flow's function: what its own `parameters` are, below all that it is wrapped in."""
    form = inspect.signature(inspect.unwrap(function)).parameters[WHOLE].annotation
    assert isinstance(form, type)
    assert issubclass(form, BaseModel)
    return form


def schema_of(form: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema of a flow's arguments: its fields, in the order of the form, and no others.

    What no form is to show is only among the names, and `parameters` among the patterns, by which the server checks it:
    Prefect's UIs make fields of the properties.
    """
    schema = _schema_of_model(form)
    whole = {name: schema[name] for name in ("type", "properties", "additionalProperties")}
    fields = fields_schema(form)
    return fields | {
        "patternProperties": {f"^{WHOLE}$": {"$ref": f"#/definitions/{form.__name__}"}},
        "definitions": fields["definitions"] | {form.__name__: whole},
        "propertyNames": {"enum": [*form.model_fields, WHOLE]},
    }


def fields_schema(form: type[BaseModel]) -> dict[str, Any]:
    """The same of a flow that never had the argument `parameters`, and is never told what the server has."""
    schema = _schema_of_model(form)
    fields = {name: field for name, field in schema["properties"].items() if name not in OF_THE_SERVER}
    return {
        "title": "Parameters",
        "type": "object",
        "properties": {name: field | {"position": place} for place, (name, field) in enumerate(fields.items())},
        "required": schema.get("required", []),
        "definitions": schema.get("$defs", {}),
        "propertyNames": {"enum": list(fields)},
    }


def _schema_of_model(form: type[BaseModel]) -> dict[str, Any]:
    schema = form.model_json_schema(ref_template="#/definitions/{model}")
    for group in (schema, *schema.get("$defs", {}).values()):
        if "properties" in group:
            left_empty(group)
            for field in group["properties"].values():
                _fit_number_fields(field)
    return schema


def _fit_number_fields(field: dict[str, Any]) -> None:
    """Say a default of more than two decimals in words: Prefect's old UI refuses a form that it filled in with one."""
    default = field.get("default")
    if field.get("type") == "number" and default is not None and round(default, 2) != default:
        field[EMPTY] = field.pop("default")
        field["description"] += f" Empty: {default:g}."


def read_arguments(form: type[Filled], whole: object, fields: Mapping[str, Any]) -> Filled:
    """The form that a flow was called with.

    Raises BadInput for a value that is refused, and for a form with fields beside it.

    Args:
        whole: the argument `parameters`: a form, or its fields; None where it is not given.
        fields: the arguments by name.
    """
    if isinstance(whole, form):
        if fields:
            raise BadInput(f"parameters and {next(iter(fields))} are both given: say all fields in one of the two ways")
        return whole
    if not isinstance(whole, Mapping | None):
        raise BadValue(WHOLE, whole, "it must be an object with the fields of the form: give each by its own name")
    return fill_in(form, flattened({**fields, WHOLE: whole or {}}))


def flattened(saved: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments with each field by its name, where some stand within `parameters`.

    Those win over the same ones beside it: a program that says all within `parameters` is laid by the server over what
    the deployment has saved, which is by names.
    """
    whole = saved.get(WHOLE)
    if not isinstance(whole, Mapping):  # another flow's may be anything
        return dict(saved)
    beside = {name: value for name, value in saved.items() if name != WHOLE and name not in whole}
    return beside | as_meant(whole)


def as_meant(whole: Mapping[str, Any]) -> dict[str, Any]:
    """The fields within `parameters`, as they mean the same by their names."""
    return {name: value for name, value in whole.items() if value is not None or name not in _NONE_WAS_THE_DEFAULT}
