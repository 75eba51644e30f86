"""Which places flow runs may use: those that the operator allows, whoever fills in a form.

`dreamsweep up` tells its flow runs in `DREAMSWEEP_ALLOWED_ROOTS`, a JSON list of folders and URLs. Without it, as in a
user's own shell, every place is allowed: that user can reach them all the same.
"""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from pydantic import BaseModel

from flows.forms.field_types import is_model_file
from flows.forms.form import path_of
from flows.forms.parameters import NightlyParameters
from flows.forms.places import data_place, is_same_place, store_place
from lib.data.array_file import is_array_file
from lib.data.image_names import ImageName
from lib.door.roots import FILE, ROOTS, allowed_roots, is_url
from lib.errors import BadInput
from lib.network.held import is_file, parse_hold
from lib.pictures.names import show_name
from storage.files import without_password

__all__ = ["ROOTS", "check", "refusal"]

_FOLDER = "folder:"


def check(parameters: BaseModel) -> None:
    """Raise BadInput where a place in the parameters, at any depth, lies outside of the roots, links resolved, and for
    a store or a folder of IDX files that is not the one which `dreamsweep up` was started for: it serves the pictures
    of that store, and no others."""
    if isinstance(parameters, NightlyParameters):  # where nothing will be dreamed, no folder of dreams is used
        parameters = parameters.model_copy(update={"dreams": parameters.dreaming})
    for field, place in _places(parameters):
        usual = _served(field) if allowed_roots() is not None else None
        if usual is not None and not is_same_place(place, usual):
            shown = show_name(without_password(place))
            raise BadInput(
                f"{field} is {shown}, and what runs flows here was started for {show_name(without_password(usual))}: "
                f"leave {field} out, or serve that one with dreamsweep up --{field.replace('_', '-')} {shown}"
            )
        if usual is None and (outside := refusal(place)) is not None:
            raise BadInput(f"{field} is {show_name(place)}, {outside}")


def _served(field: str) -> str | None:
    """The only place that this field may name, if there is one."""
    if field == "store":
        return store_place()
    data = data_place() if field == "data_dir" else None
    return None if data is None else str(data)


def refusal(place: str) -> str | None:
    """Why a place may not be used, its links resolved; None where it may."""
    roots = allowed_roots()
    if roots is None or any(_within(place, root) for root in roots):
        return None
    return f"outside of what may be used here: {', '.join(roots)}; dreamsweep up --allow PLACE allows more"


def _places(parameters: BaseModel) -> Iterator[tuple[str, str]]:
    """Every place that the parameters name, with the field that does."""
    for field in type(parameters).model_fields:
        value = getattr(parameters, field)
        if isinstance(value, BaseModel):
            yield from _places(value)
        elif isinstance(value, Path):
            yield field, str(value)
        elif field in ("pictures", "images"):
            files = (place for place in value or () if ImageName.parse(place) is None)
            yield from ((field, str(path_of(place))) for place in files)
        elif field == "hold":
            files = (what for what in parse_hold(value or ()).values() if is_file(what))
            yield from ((field, what) for what in files)
        elif isinstance(value, str) and (place := _place(field, value)):
            yield field, place


def _place(field: str, value: str) -> str | None:
    if field == "store":
        return value
    if field == "data" and value.startswith(_FOLDER):
        return value.removeprefix(_FOLDER)
    if field == "data" and is_array_file(value):
        return value
    if field == "model" and (is_model_file(value) or _is_there(value)):
        return value
    return None


def _is_there(name: str) -> bool:
    try:
        return Path(name).expanduser().exists()
    except (OSError, ValueError, RuntimeError):
        return False


def _within(place: str, root: str) -> bool:
    if is_url(place):
        rest = place.removeprefix(root.rstrip("/")) if is_url(root) else place
        # file systems can be chained behind "::", and some take steps upwards
        return rest != place and rest[:1] in {"", "/"} and "::" not in rest and ".." not in unquote(rest).split("/")
    return not is_url(root) and _resolved(place).is_relative_to(_resolved(root))


def _resolved(place: str) -> Path:
    try:
        return Path(place.removeprefix(FILE)).expanduser().resolve()
    except (OSError, ValueError, RuntimeError) as problem:
        raise BadInput(f"{place!r} is no usable path: {problem}") from problem
