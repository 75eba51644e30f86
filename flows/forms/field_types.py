"""Kinds of values that forms have: what may be filled in, as far as that can be told by looking at it."""

import re
from pathlib import Path
from typing import Annotated, Any, TypeVar
from zoneinfo import available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer
from pydantic.json_schema import JsonSchemaValue

from flows.forms.form import has_default
from flows.forms.places import data_place
from lib.data.image_names import ImageName
from lib.data.wanted_images import Fit
from lib.deadline import CLOCK_TIME, zone
from lib.errors import BadValue
from lib.network.held import FORMS as HELD
from lib.network.held import parse_hold
from lib.network.pixels import FORMS as DECLARED
from lib.network.pixels import Pixels as Declared
from tasks.model.model_names import ref_called

Value = TypeVar("Value")

A_MODEL = "A name (model/latest), a digest, or a .keras or .h5 file"
"""How a model is named."""

# What the form can tell of a name; whether there is such a data set is found out when it is read.
_DATA_SET = r"^(digits|mnist|fashion-mnist|folder:.+|.+\.(npz|h5|hdf5))$"
_CHECKPOINTS = r"^(all|[1-9]\d{0,5}(,[1-9]\d{0,5})*)$"
_IMAGE = r"^(train|test)/[0-9]{1,12}$"
_SIZE = r"^[1-9]\d{0,5}x[1-9]\d{0,5}$"


_MODEL_FILES = (".keras", ".h5", ".hdf5", ".tflite", ".onnx", ".pt", ".pth", ".pb", ".safetensors")


def is_model_file(model: str) -> bool:
    """Whether this names a file, rather than one of the store's models."""
    path = Path(model)
    # what people take for one as well: the file itself is what says that it is none
    return path.suffix.lower() in _MODEL_FILES or (path / "saved_model.pb").exists()


def _held(said: list[str]) -> list[str]:
    try:
        parse_hold(said)
    except BadValue as problem:
        raise ValueError(problem.wanted) from problem
    return said


def _known_zone(name: str) -> str:
    try:
        zone(name)
    except BadValue as problem:
        raise ValueError(problem.wanted) from problem
    return name


def _clock_time(text: str) -> str:
    if not re.match(CLOCK_TIME, text):
        raise ValueError("it must be hours and minutes, as 06:30")
    return text


def _all_zones(schema: JsonSchemaValue) -> None:
    schema["enum"] = sorted(available_timezones())


def _all_or_epochs(checkpoints: str) -> str:
    if not re.match(_CHECKPOINTS, checkpoints):
        raise ValueError("it must be all, or epochs as 1,5,10")
    return checkpoints


def _height_and_width(size: Value) -> Value | tuple[int, ...]:
    if not isinstance(size, str):
        return size
    if not re.match(_SIZE, size):
        raise ValueError("it must be height and width in pixels, as 224x224")
    return tuple(map(int, size.split("x")))


def _declared_pixels(text: str) -> str:
    try:
        return str(Declared.parse(text))
    except BadValue as problem:
        raise ValueError(problem.wanted) from problem


def _model_name(name: str) -> str:
    try:
        return ref_called(name)
    except BadValue as problem:
        raise ValueError(problem.wanted) from problem


def _image_name(text: str) -> str:
    if ImageName.parse(text) is None:
        raise ValueError("it must be a set and a number of it from 0, as test/1302")
    return text


DataSet = Annotated[str, Field(json_schema_extra={"pattern": _DATA_SET})]
DataFolder = Annotated[
    Path | None,
    Field(
        title="Folder of mnist and fashion-mnist",
        description="The folder of their IDX files (gzipped or not) or of their .npz file. Empty: missing files "
        "are downloaded.",
        json_schema_extra=has_default(data_place),
    ),
]
FitOfPictures = Annotated[
    Fit,
    Field(
        title="Fit",
        description="How pictures of the data set become images of the network's size, where they have another. crop: "
        "the middle is cut out, after the shorter side was resized. pad: the longer side is resized, and the rest is "
        "black. stretch: both sides are resized.",
    ),
]
ClockTime = Annotated[str, AfterValidator(_clock_time), Field(json_schema_extra={"pattern": CLOCK_TIME})]
TimeZone = Annotated[str, AfterValidator(_known_zone), Field(json_schema_extra=_all_zones)]
Checkpoints = Annotated[str, AfterValidator(_all_or_epochs), Field(json_schema_extra={"pattern": _CHECKPOINTS})]
Hold = Annotated[list[str], AfterValidator(_held)]
"""As `lib.network.held.parse_hold` reads it."""
OutputName = Annotated[str, Field(min_length=1)]
Pixels = Annotated[str, AfterValidator(_declared_pixels)]
"""A declaration as `lib.network.pixels.Pixels` writes it."""
ModelName = Annotated[str, AfterValidator(_model_name)]
ImageText = Annotated[str, AfterValidator(_image_name), Field(json_schema_extra={"pattern": _IMAGE})]
Size = Annotated[
    tuple[int, int],
    BeforeValidator(_height_and_width),
    PlainSerializer(lambda size: f"{size[0]}x{size[1]}", when_used="json"),
    Field(json_schema_extra=lambda schema: (schema.clear(), schema.update(type="string", pattern=_SIZE))[1]),
]

PIXELS: Any = Field(
    None,
    title="Pixels",
    description=f"Which pixels the network takes: {DECLARED}. Empty: what is declared with the model, or else found.",
)
HOLD: Any = Field(
    None,
    title="Hold",
    description=f"At which values the inputs beside the image are held, where a network has several: {HELD}, for each. "
    "Give them where you name a file as the model; they are stored with it.",
)
OUTPUT: Any = Field(
    None,
    title="Output",
    description="Which output is kept, by its name, where a network has several. Empty: all of them. "
    "Give it where you name a file as the model; it is stored with it.",
)
