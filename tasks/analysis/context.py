"""What the tasks of one analysis share in this process: the network, its data set, and what it made of that."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from lib.analysis.activations import Activations
from lib.analysis.classifier import Classifier
from lib.analysis.heads import Head, heads_of
from lib.analysis.predictions import Predictions
from lib.analysis.settings import AnalysisSettings
from lib.arrays import Floats, Integers
from lib.data.dataset import Dataset
from lib.data.image_names import ImageName, SetName
from lib.errors import BadInput
from lib.pictures.files import decode
from lib.pictures.network_input import as_input
from storage.document import Json
from storage.store import Input, Record
from tasks.model.context import RunContext
from tasks.model.pixels import pixel_range_parameters
from tasks.session import originals
from tasks.session.originals import original_title

BATCH = 256
"""Images that go through the network together."""


@dataclass(frozen=True)
class InputImage:
    """One image as the network sees it: float32 [H, W, C], the label where it has one, and the blobs that it is of."""

    name: str
    pixels: Floats
    label: int | None
    blobs: tuple[Input, ...]


@dataclass
class AnalysisContext(RunContext):
    """One analysis flow's.

    `data`: the data set and its record; None where only pictures from disk are looked at. `pictures`: files by the
    names of the pictures. `predictions`: of the test set, once they are there.
    """

    settings: AnalysisSettings
    data: tuple[Dataset, Record] | None
    pictures: Mapping[str, Path] = field(default_factory=dict)
    predictions: Predictions | None = None

    @cached_property
    def activations(self) -> Activations:
        """All layers of the network."""
        return Activations(self.network.model)

    @cached_property
    def heads(self) -> list[Head]:
        """What each output of the network is."""
        return heads_of(self.network.model, len(self.data_classes) if self.labelled else None)

    @cached_property
    def readers(self) -> dict[str, Classifier]:
        """What reads each output that can be read and suits the data set, by its name."""
        return {
            head.name: Classifier(self.network.model, head)
            for head in self.heads
            if head.kind != "maps" and not self._is_foreign(head)
        }

    @cached_property
    def classifier(self) -> Classifier | None:
        """What predicts the class of an image, the first of several; None where the network ends in no classes."""
        return next((reader for reader in self.readers.values() if reader.head.kind == "classes"), None)

    @property
    def reader(self) -> Classifier | None:
        """What can be attributed to pixels: the classes, or else the first output that can be read."""
        return self.classifier or next(iter(self.readers.values()), None)

    @property
    def further(self) -> tuple[str, ...]:
        """The outputs that can be read, beside the one whose classes are predicted."""
        return tuple(name for name, reader in self.readers.items() if reader is not self.classifier)

    def _is_foreign(self, head: Head) -> bool:
        """Whether an output has classes, and others than the data set."""
        return head.kind == "classes" and self.labelled and head.classes != len(self.data_classes)

    def notes(self) -> list[str]:
        """What is to be known of outputs that are no classes of the data set, a sentence each."""
        said = []
        if self.data is not None and not self.labelled:
            said.append(f"the data set {self.data_name} has no labels: there is nothing to compare predictions with")
        for head in self.heads:
            what = "the network" if len(self.heads) == 1 else f"output {head.name}"
            ending = f"{what} ends in {head.text}"
            if self._is_foreign(head):
                said.append(f"{ending}, and the data set has {len(self.data_classes)}: there is no accuracy of it")
            elif head.kind == "labels":
                known = self.labelled and head.classes == len(self.data_classes)
                why = "each has an accuracy of its own" if known else "no data says which of them hold"
                said.append(f"{ending}: {why}, and there is no confusion between them")
            elif head.kind == "values" and self.labelled and head.outputs > 1:
                said.append(
                    f"{ending}: there is no accuracy; if these are logits of classes, name the data set that it was "
                    f"trained on with --data, as this one has {len(self.data_classes)} classes"
                )
            elif head.kind != "classes":
                said.append(f"{ending}: there is no accuracy, and there are no classes to compare")
            elif len(self.heads) > 1:
                said.append(ending)
        return said

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the network's classes: the data set's, or their numbers; none where it has no classes."""
        if self.classifier is None:
            return ()
        if self.labelled:
            return self.data_classes
        return tuple(map(str, range(self.classifier.classes)))

    @property
    def labelled(self) -> bool:
        """Whether there is a data set with classes, to compare predictions with."""
        return self.data is not None and bool(self.data[0].classes)

    def check(self) -> None:
        """Raise BadInput where the network has other classes than its data set, or there is no such pair of them."""
        if len(self.heads) == 1 and self._is_foreign(self.heads[0]):
            raise BadInput(
                f"the network has {self.heads[0].classes} classes, and the data set {len(self.data_classes)}: "
                "name the one that it was trained on with --data"
            )
        if self.settings.pair:
            self.pair()

    def pair(self) -> tuple[int, int]:
        """The two classes that are to be told apart: those of the settings, or those that are confused most.

        Raises BadInput for classes that there are not.
        """
        if self.settings.pair and self.labelled and self.classifier is None:
            raise BadInput(f"the network predicts no classes that could be compared: {'; '.join(self.notes())}")
        named = self.settings.pair_of(self.classes)
        if named is None:
            assert self.predictions is not None
            return self.predictions.most_confused()
        return named

    @property
    def data_classes(self) -> tuple[str, ...]:
        """The names of the data set's classes, whatever the network ends in."""
        return self._data()[0].classes

    @property
    def data_name(self) -> str:
        """What the data set is called."""
        return self._data()[0].name

    def images(self, name: SetName) -> tuple[Floats, Integers]:
        """The images [N, H, W, C] and labels [N] of a set. Raises BadInput where there is no data set."""
        data = self._data()[0]
        return (data.train_imgs, data.train_labels) if name == "train" else (data.test_imgs, data.test_labels)

    def images_of(self, name: SetName) -> Input:
        """The blob of a set's images."""
        return Input(f"{name}_imgs", self._data()[1].output(f"{name}_imgs").digest)

    def labels_of(self, name: SetName) -> Input:
        """The blob of a set's labels."""
        return Input(f"{name}_labels", self._data()[1].output(f"{name}_labels").digest)

    def _data(self) -> tuple[Dataset, Record]:
        if self.data is None:
            raise BadInput("the model has no data set: name the one that it was trained on with --data")
        return self.data

    def see(self, name: str) -> InputImage:
        """An image by its name. Raises BadInput where there is none."""
        numbered = ImageName.parse(name)
        if numbered is not None:
            images, labels = self.images(numbered.set)
            pixels = np.asarray(numbered.of(images), np.float32)
            if not self.labelled:
                return InputImage(name, pixels, None, (self.images_of(numbered.set),))
            blobs = self.images_of(numbered.set), self.labels_of(numbered.set)
            return InputImage(name, pixels, int(numbered.of(labels)), blobs)
        try:
            data = originals.read_original(self.pictures[name])
            pixels = as_input(decode(data).frames[0], self.network.model.input_shape[1:])
        except BadInput as problem:
            raise BadInput(f"{name} {problem}") from problem
        return InputImage(name, pixels, None, (Input("picture", originals.digest(data)),))

    def can_see(self, name: str) -> bool:
        """Whether there is such an image, and it can be read."""
        try:
            self.see(name)
        except BadInput:
            return False
        return True

    def probabilities(self, seen: Sequence[InputImage]) -> Floats:
        """The probability of each class of some images, [n, K]; [n, 0] where the network has no classes."""
        if self.classifier is None:
            return np.zeros((len(seen), 0), np.float32)
        return self.classifier.of(np.stack([image.pixels for image in seen])).probabilities

    def spoken_for(self, seen: InputImage) -> tuple[int, str, str] | None:
        """Of what an image's attribution is: the number among the outputs of `reader`, its name, and how it stands.

        None where the numbers are not finite.
        """
        reader = self.reader
        assert reader is not None
        found = reader.of(seen.pixels[None]).probabilities[0]
        if not np.isfinite(found).all():
            return None
        if reader.head.kind == "classes":
            number = int(found.argmax())
            return number, self.classes[number], self.title(seen, found)
        number = int(np.abs(found).argmax())
        names = self.data_classes if self.data is not None and len(self.data_classes) == len(found) else ()
        name = names[number] if names and reader.head.kind == "labels" else f"{reader.head.name}[{number}]"
        shown = f"{found[number]:.0%}" if reader.head.kind == "labels" else f"{found[number]:.3g}"
        return number, name, f"{seen.name}, {name} {shown}"

    def predicted_class(self, probabilities: Floats) -> int | None:
        """The most probable class; None where there are no classes, or no finite probabilities."""
        return int(probabilities.argmax()) if len(probabilities) and np.isfinite(probabilities).all() else None

    def look(self) -> dict[str, Json]:
        """What decides how activations and images are shown, for recipes."""
        return {
            "model": self.network.name,
            **pixel_range_parameters(self.network.pixels),
            "standardise": self.settings.standardise,
            "clip": self.settings.clip,
            "colour_map": self.settings.colour_map,
        }

    def clip(self, values: Floats) -> tuple[float, float] | None:
        """The ends of the scale on which these activations are shown; None for all there are, or the blog's."""
        end = self.settings.clip
        if not end:
            return None
        return (-end, end) if self.settings.standardise or bool((values < 0).any()) else (0.0, end)

    def title(self, image: InputImage, probabilities: Floats) -> str:
        """As "test/1302, 4 (99%)", or "test/1302, 4, called 9 (51%)"; a label stands for itself."""
        words = [image.name]
        if image.label is not None:
            words.append(self.data_classes[image.label])
        predicted = self.predicted_class(probabilities)
        if predicted is not None:
            if predicted == image.label:
                return f"{', '.join(words)} ({probabilities[predicted]:.0%})"
            words.append(f"called {self.classes[predicted]} ({probabilities[predicted]:.0%})")
        return ", ".join(words)

    def keep(self, name: str) -> None:
        """Make the bytes of a picture from disk an artifact."""
        if ImageName.parse(name) is None:
            originals.keep_original(self.session, originals.read_original(self.pictures[name]), original_title(name))

    def recipe_inputs(self, *images: InputImage) -> dict[str, str]:
        """What decides about a result for these images, besides parameters."""
        found = {"model": self.network.identity}
        for image in images:
            for blob in image.blobs:
                found[blob.role if image.label is not None else image.name] = blob.digest
        return found

    def lineage_inputs(self, *images: InputImage) -> list[Input]:
        """The blobs that a result for these images is made from."""
        return [Input("model", self.network.digest), *dict.fromkeys(blob for image in images for blob in image.blobs)]
