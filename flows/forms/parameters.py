"""The parameters of every flow. They are the forms of Prefect's UI too: each field says what it is, and what it may be.

Importing this costs little: neither Prefect nor TensorFlow.
"""

from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from flows.forms.every_run import InStore, Limits, Pooled
from flows.forms.field_types import (
    A_MODEL,
    HOLD,
    OUTPUT,
    PIXELS,
    Checkpoints,
    DataFolder,
    DataSet,
    FitOfPictures,
    Hold,
    ImageText,
    ModelName,
    OutputName,
    Pixels,
    Size,
)
from flows.forms.form import Form, Place, has_default
from flows.forms.places import DREAMS, ORIGINALS, data_place
from lib.analysis.settings import AnalysisSettings
from lib.data.image_names import SetName
from lib.data.wanted_images import FIT
from lib.dream.settings import DreamSettings
from lib.oips.batcher import BATCH
from lib.oips.growth import USUAL_QUALITY, QualityName
from lib.oips.image_size import SIDE
from lib.oips.settings import GrowthSettings, StyleName
from lib.oips.style import SMALL, STYLES
from lib.pictures.animation import Kind
from lib.training.settings import TrainSettings

DATA = "digits"
"""What is trained on where no data set is named: it is embedded."""


class Training(Form):
    """How to train, and on which data set."""

    data: DataSet = Field(
        DATA,
        title="Data set",
        description="The data set to train on: digits (embedded), mnist, fashion-mnist, folder:DIR, which has one "
        "sub-folder of pictures per class, or an .npz or .h5 file of arrays.",
    )
    data_dir: DataFolder = Field(default_factory=data_place)
    settings: TrainSettings = Field(
        default_factory=TrainSettings, title="Training", description="How the network is trained."
    )


class TrainParameters(InStore, Limits, Training):
    """Train the reference network on a data set, or reuse it where it has been trained."""


class RegisterParameters(InStore):
    """Which file to register, and the data set that the model was trained on, if you have it."""

    file: Path = Field(title="File", description="The .keras or .h5 file; it must hold no code.")
    data: DataSet | None = Field(
        None,
        title="Data set",
        description="The data set that exemplars come from: digits, mnist, fashion-mnist, folder:DIR, or an .npz or "
        ".h5 file of arrays.",
    )
    data_dir: DataFolder = Field(default_factory=data_place)
    pixels: Pixels | None = PIXELS
    hold: Hold | None = HOLD
    output: OutputName | None = OUTPUT
    fit: FitOfPictures = FIT
    name: ModelName | None = Field(
        None,
        title="Name",
        description="What the model is called, as flowers or model/flowers. Empty: the file's name, and the beginning "
        "of the model's identity.",
    )


class Sweeping(Form):
    """Which units of which model to sweep, on what images, and how."""

    model: str | None = Field(
        None,
        title="Model",
        description=f"{A_MODEL}. Empty: the latest model, or the one that is trained first.",
    )
    train: TrainSettings | None = Field(
        None,
        title="Train first",
        description="Train a network on the data set first, or reuse it where it has been trained, and sweep that. "
        "None: nothing is trained.",
    )
    data: DataSet | None = Field(
        None,
        title="Data set",
        description="The data set to train on, and to take exemplars from: digits (embedded), mnist, fashion-mnist, "
        "folder:DIR, or an .npz or .h5 file of arrays. Empty: the one that the model was trained on, and "
        f"{DATA} where a model is to be trained.",
    )
    data_dir: DataFolder = Field(default_factory=data_place)
    pixels: Pixels | None = PIXELS
    hold: Hold | None = HOLD
    output: OutputName | None = OUTPUT
    fit: FitOfPictures = FIT
    checkpoints: Checkpoints | None = Field(
        None,
        title="Checkpoints",
        description="Which checkpoints of the model's training are swept first: all, or epochs as 1,5,10. "
        "Empty: the model alone is swept.",
    )
    layers: list[Annotated[str, Field(min_length=1)]] | None = Field(
        None,
        title="Layers",
        description="Which layers or units are swept, as Conv2D_1, Conv2D_* or Conv2D_2/3-9. Empty: all convolutions "
        "that see space.",
    )
    style: StyleName = Field(
        "",
        title="Style",
        description=f"{'; '.join(f'{style.name}: {style.text}' for style in STYLES.values())}. Empty: natural, but "
        f"strong for grey images smaller than {SMALL} pixels.",
    )
    quality: QualityName = Field(
        USUAL_QUALITY,
        title="Quality",
        description="How good the pictures are to be. draft: one cheap search a unit; standard: what the settings say; "
        "best: standard, and then more and longer searches where the settings leave that open. Networks of photographs "
        "get drafts of all units first, so that whenever a sweep ends there is a picture of each.",
    )
    growth: GrowthSettings = Field(
        default_factory=GrowthSettings,
        title="Optimisation",
        description="How feature visualisations (OIPs) are optimised.",
    )
    judge: str | None = Field(
        None,
        min_length=1,
        title="Judge",
        description="Another model of the store, as model/digits-1de27171, that judges the pictures: shown a unit's, "
        "it tells images that the unit responds to strongly from others, and the share of right answers is the "
        "unit's machine interpretability score. Empty: nothing is judged.",
    )
    size: Size | None = Field(
        None,
        title="Size",
        description="The height and width of the images, as 64x64: for networks that take any size, and for the "
        "convolutions of others. Empty: the network's own size, or the data set's; for maps that see a part of the "
        f"image, at most {SIDE} pixels a side, unless the network was swept at its own size before.",
    )
    batch: int = Field(
        BATCH,
        ge=1,
        title="Batch size",
        description="How many images are optimised together; a smaller batch needs less memory.",
    )
    maps_per_task: int = Field(
        1,
        ge=1,
        title="Maps per task run",
        description="How many maps one task run takes. Networks with tens of thousands of maps need more than 1; "
        "each map is still stored by itself.",
    )
    maps_per_shard: int = Field(
        256,
        ge=1,
        title="Maps per shard",
        description="How many maps of a layer one worker of the work pool is given at a time, as a flow run.",
    )
    images_per_part: int | None = Field(
        None,
        ge=1,
        title="Images per part",
        description="A data set of more images than these is shown to the network in parts: a pass over it that was "
        "broken off goes on with the next part, and on a work pool each part is a flow run. Empty: parts of 8 GB, and "
        "few data sets are larger.",
    )
    large_tensors: bool = Field(
        False,
        title="Large tensors",
        description="Gather a layer's OIPs into an HDF5 file even where that takes more than 2 GB.",
    )


class SweepParameters(InStore, Limits, Sweeping, Pooled):
    """Optimise an input image for each map of a model: its feature visualisation (OIP)."""

    def train_parameters(self) -> TrainParameters | None:
        """What to train first, if anything."""
        return _training(self)


class Dreaming(Form):
    """Which pictures to dream into, and how."""

    pictures: list[Annotated[str, Field(min_length=1)]] = Field(
        default_factory=lambda: [str(ORIGINALS)],
        min_length=1,
        title="Pictures",
        description="Which folders, with all that is in them, and which files are dreamed into.",
        json_schema_extra={"default": [str(ORIGINALS)]},
    )
    patterns: list[Annotated[str, Field(min_length=1)]] | None = Field(
        None,
        title="Patterns",
        description="Which files of the folders are taken, as *.jpg or garden/*. Empty: all files with the name "
        "of a picture.",
    )
    settings: DreamSettings = Field(
        default_factory=DreamSettings, title="Dream", description="How each picture is dreamed."
    )
    passes: int = Field(
        1,
        ge=1,
        title="Passes",
        description="How often each picture is dreamed; each pass begins with the dream of the one before.",
    )
    zoom: float = Field(
        1.0,
        gt=0,
        le=10,
        title="Zoom",
        description="By which factor a dream is enlarged for the next pass; 1 leaves its size.",
    )
    rotation: float = Field(
        0.0,
        ge=-360,
        le=360,
        title="Rotation",
        description="By how many degrees a dream is turned left for the next pass.",
    )
    animation: Kind | None = Field(
        None,
        title="Animation",
        description="The format of a film of the passes: gif, webp, or mp4, which needs ffmpeg. Empty: no film.",
    )
    tour: str | None = Field(
        None,
        title="Map tour",
        description="A layer, or units as Conv2D_3/0-15: each picture is dreamed, at a small size, once for each of "
        "these maps, and all dreams are shown on one sheet. A tour takes the place of the objective. Empty: no tour.",
    )
    guide: Place | None = Field(
        None, title="Guide", description="A picture whose activations the dreams are guided by. Empty: no guide."
    )
    mask: Place | None = Field(
        None,
        title="Mask",
        description="A picture that says where to dream: white is dreamed, black stays. Or a folder that holds a "
        "mask for each picture, at the same path. Empty: the whole picture is dreamed.",
    )
    out: Place = Field(
        default_factory=lambda: DREAMS,
        title="Folder of the dreams",
        description="The folder that dreams are written to, each at the same path as its picture.",
        json_schema_extra={"default": str(DREAMS)},
    )

    @model_validator(mode="after")
    def _one_or_the_other(self) -> "Dreaming":
        if self.tour and (self.passes > 1 or self.settings.objective):
            raise ValueError("a map tour is one pass with objectives of its own: leave out passes and objective")
        if self.passes == 1 and self.animation:
            raise ValueError("an animation shows passes: ask for two or more of them")
        if self.passes == 1 and (self.zoom, self.rotation) != (1.0, 0.0):
            raise ValueError("zoom and rotation act between passes: ask for two or more of them")
        return self


class DreamParameters(InStore, Limits, Dreaming, Pooled):
    """Run DeepDream on pictures."""

    model: str | None = Field(None, title="Model", description=f"{A_MODEL}. Empty: the latest model.")
    pixels: Pixels | None = PIXELS
    hold: Hold | None = HOLD
    output: OutputName | None = OUTPUT
    pictures_per_shard: int = Field(
        8,
        ge=1,
        title="Pictures per shard",
        description="How many pictures one worker of the work pool is given at a time, as a flow run.",
    )


class Analysing(Form):
    """Which images to analyse, and how their classes are compared."""

    images: list[Annotated[str, Field(min_length=1)]] | None = Field(
        None,
        title="Images",
        description="Which images are analysed: numbers of the data set, from 0, as test/1302 or train/5, or "
        "picture files. Empty: the unclear images of the pair.",
    )
    layers: list[Annotated[str, Field(min_length=1)]] | None = Field(
        None,
        title="Layers",
        description="Which layers are compared for FCPs, by names or shell patterns. Empty: the last convolution "
        "and the first dense layer.",
    )
    first: list[ImageText] | None = Field(
        None,
        title="Images of the first class",
        description="Which images of the first class, as test/115, are searched for FCPs: activations that they "
        "have in common. Empty: the clearest images of the pair's first class.",
    )
    second: list[ImageText] | None = Field(
        None,
        title="Images of the second class",
        description="Which images of the second class are searched for FCPs. Empty: its clearest images.",
    )
    settings: AnalysisSettings = Field(
        default_factory=AnalysisSettings, title="Analysis", description="What is compared, and how it is shown."
    )
    tensors: SetName | None = Field(
        None,
        title="Activations of a set",
        description="For all images of which set, test or train, the activations of all layers are kept, in one "
        "HDF5 file; it may be large. Empty: for none.",
    )

    @model_validator(mode="after")
    def _both_or_none(self) -> "Analysing":
        if bool(self.first) != bool(self.second):
            raise ValueError("images of one class are named, and none of the other: name both, or neither")
        if self.first and self.settings.pair:
            raise ValueError("the images that are named choose the pair themselves: leave out the images or the pair")
        return self


class AnalyseParameters(InStore, Limits, Analysing):
    """Analyse how a model decides: its confusion matrix, FCPs, linear probes by layer, and attribution."""

    model: str | None = Field(None, title="Model", description=f"{A_MODEL}. Empty: the latest model.")
    data: DataSet | None = Field(
        None,
        title="Data set",
        description="The data set: digits, mnist, fashion-mnist, folder:DIR, or an .npz or .h5 file of arrays. "
        "Empty: the one that the model was trained on.",
    )
    data_dir: DataFolder = Field(default_factory=data_place)
    pixels: Pixels | None = PIXELS
    hold: Hold | None = HOLD
    output: OutputName | None = OUTPUT
    fit: FitOfPictures = FIT


class NightlyParameters(InStore, Limits, Sweeping, Pooled):
    """Train a model where that has not been done, and sweep it. Where a model is named, nothing is trained."""

    model: str | None = Field(None, title="Model", description=f"{A_MODEL}. Empty: a model is trained, as below.")
    train: TrainSettings = Field(
        default_factory=TrainSettings,
        title="Training",
        description="How the network is trained, where no model is named.",
    )
    dreams: Dreaming | None = Field(
        default_factory=Dreaming,
        title="Dreams",
        description=f"Which pictures to dream into, and how. Unless others are named, those in {ORIGINALS}, where "
        "there are any. None: nothing is dreamed.",
        json_schema_extra=has_default(Dreaming),
    )
    analysis: Analysing | None = Field(
        default_factory=Analysing,
        title="Analysis",
        description="How to analyse the decisions of the model. None: nothing is analysed.",
        json_schema_extra=has_default(Analysing),
    )

    def train_parameters(self) -> TrainParameters | None:
        """What to train, unless a model is named."""
        return None if self.model else _training(self)

    def sweep_parameters(self, model: str) -> SweepParameters:
        """How to sweep a model: the one that is named, or the one that was trained, with its own images."""
        asked = {name: getattr(self, name) for name in SweepParameters.model_fields}
        return SweepParameters(**asked | {"model": model, "train": None, "data": self.data if self.model else None})

    @property
    def dreaming(self) -> Dreaming | None:
        """What to dream, if anything; nothing where the pictures in their usual place are meant and there are none."""
        if self.dreams is None or self.dreams.pictures != [str(ORIGINALS)]:
            return self.dreams
        return self.dreams if ORIGINALS.is_dir() and any(ORIGINALS.iterdir()) else None

    def dream_parameters(self, dreaming: Dreaming, model: str) -> DreamParameters:
        """How a model is to dream."""
        asked = {name: getattr(dreaming, name) for name in Dreaming.model_fields}
        same = {name: getattr(self, name) for name in ("store", "pixels", "pool", *Limits.model_fields)}
        return DreamParameters(**asked, **same, model=model)

    def analyse_parameters(self, analysis: Analysing, model: str) -> AnalyseParameters:
        """How a model is to be analysed, on its own images or those that are named for it."""
        asked = {name: getattr(analysis, name) for name in Analysing.model_fields}
        same = {name: getattr(self, name) for name in ("store", "data_dir", "pixels", "fit", *Limits.model_fields)}
        return AnalyseParameters(**asked, **same, model=model, data=self.data if self.model else None)


def _training(asked: SweepParameters | NightlyParameters) -> TrainParameters | None:
    if asked.train is None:
        return None
    same = {name: getattr(asked, name) for name in ("store", "data_dir", *Limits.model_fields)}
    return TrainParameters(data=asked.data or DATA, settings=asked.train, **same)
