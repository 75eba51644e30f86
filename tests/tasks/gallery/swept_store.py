"""A store with one network, swept in every way: what its pages show of networks, layers and units."""

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from storage.record import Input, NewOutput, Record
from storage.runs import Run
from storage.store import Store
from storage.tensors import NPY, npy_bytes
from tests.tasks.gallery.synthetic import MODEL, Synthetic, png
from tests.tasks.gallery.synthetic_dreams import dream

SLUG = f"small-{MODEL[:8]}"
SIDE = 12
ODD = 'back/<b>"1"&'
"""A layer of a nested model, whose author had no mercy."""
CLASSES = ["zero", "one", "<i>two</i>"]
IMAGES = 30
UNITS = 5


class SweptStore(Synthetic):
    """A network of two layers, its data set, and what sweeps made of it. `blob`: the model's; `oips`: of the latest
    result of each unit.
    """

    def __init__(
        self, root: Path, *, data: str = "digits", classes: Sequence[str] = CLASSES, config: Any = None
    ) -> None:
        super().__init__(Store.open(root))
        self.oips: dict[str, str] = {}
        self.data = self._data_set(data, classes)
        self.train_imgs = self.data.output("train_imgs").digest
        self.record = self._network(config or network_config())
        self.blob = self.models[MODEL] = self.record.output("model").digest

    def swept(
        self,
        units: Mapping[str, Sequence[int]],
        *,
        verdicts: Mapping[str, str] | None = None,
        failures: Mapping[str, str] | None = None,
        left: Mapping[str, Sequence[int]] | None = None,
        seed: int = 0,
        data: bool = True,
        constraint: str = "standardised",
        pixel_range: tuple[float, float] = (0.0, 1.0),
    ) -> Run:
        """A sweep that made `units`, in which others failed or were left."""
        run = self.store.open_run("oip-sweep", {"seed": seed})
        for layer, indices in units.items():
            for index in indices:
                verdict = (verdicts or {}).get(f"{layer}/{index}", "responded")
                self.grow(
                    layer,
                    index,
                    run,
                    verdict=verdict,
                    seed=seed,
                    data=data,
                    constraint=constraint,
                    pixel_range=pixel_range,
                )
        for unit, message in (failures or {}).items():
            run.fail(unit, message, "oip")
        wanted = {layer: set(indices) for layer, indices in units.items()}
        for unit in failures or {}:
            layer, _, index = unit.rpartition("/")
            wanted.setdefault(layer, set()).add(int(index))
        for layer, some in (left or {}).items():
            wanted.setdefault(layer, set()).update(some)
        run.close(
            "failed" if failures else "partial" if left else "completed",
            {"model": f"model/{SLUG}", "layers": [[layer, sorted(some)] for layer, some in wanted.items()]},
        )
        return run

    def grow(
        self,
        layer: str,
        index: int,
        run: Run,
        *,
        verdict: str = "responded",
        seed: int = 0,
        data: bool = True,
        constraint: str = "standardised",
        pixel_range: tuple[float, float] = (0.0, 1.0),
        best: Sequence[float] | None = None,
        asked: Mapping[str, Any] | None = None,
        style: str | None = None,
    ) -> Record:
        """The OIPs of one unit. `best`: its responses to its exemplars. `asked`: what else the sweep was asked for.
        `style`: in which one the OIPs are, where that is another one.
        """
        random = np.random.default_rng([seed, index, len(layer)])
        images = random.normal(size=(2, SIDE, SIDE, 1)).astype(np.float32)
        unit, response = f"{layer}/{index}", 1.0 + index if verdict == "responded" else 0.0
        one = {"pre_activation": response, "seed": 1, "start": 0, "length_scales": [1.0]}
        about: dict[str, Any] = {
            "unit": unit,
            "layer": layer,
            "index": index,
            "verdict": verdict,
            "response": response,
            "pre_activation": response,
            "response_ratio": None,
            "constraint": constraint,
            "only_one_pattern": False,
            "alike_from": 0.8,
            "image_steps": 96,
            "oips": [{**one, "response": response - 0.1 * at, "curve": [None, 0.5, response]} for at in range(2)],
            "exemplars": [int(number) for number in random.permutation(IMAGES)[:9]] if data else [],
            "exemplar_responses": [1.0 - 0.1 * at for at in range(9)] if data else [],
        }
        if style is not None:
            about["style"] = style
        if best is None and data and verdict in ("silent", "dead"):
            best = [0.0] * 9
        if best is not None:
            about["exemplar_responses"] = list(best)
            about["response_ratio"] = response / best[0] if best[0] > 0 else None
        elif data and verdict == "responded":
            about["response_ratio"] = 1.0 + 0.1 * index
        record = self.commit(
            "oip",
            {"unit": unit, "seed": seed, "constraint": constraint, "pixel_range": list(pixel_range), **(asked or {})},
            [
                NewOutput("oips", npy_bytes(images), "oips", NPY, "float32", images.shape, attributes=about),
                NewOutput("picture", png(32, 32), "picture", "image/png", attributes={"unit": unit}),
            ],
            recipe_inputs={"model": MODEL} | ({"train_imgs": self.train_imgs} if data else {}),
            inputs=[Input("model", self.blob), *([Input("train_imgs", self.train_imgs)] if data else [])],
            run=run,
            title=unit,
        )
        self.oips[unit] = record.output("oips").digest
        return record

    def looked_at(self, layer: str, units: int = UNITS, *, constraint: str = "standardised") -> None:
        """How the units of a layer respond, what their weights say, and what silences them."""
        random = np.random.default_rng(units)
        nearest = {
            "nearest": np.array([[(unit + 1) % units, (unit + 2) % units, -1] for unit in range(units)]),
            "nearest_likeness": np.tile(np.float32([0.9, 0.5, 0]), (units, 1)),
        }
        about = {"layer": layer, "classes": CLASSES, "class_counts": [10, 10, 10], "by_class": True}
        means = np.float32([[1.0 if unit % 3 == row else 0.25 for row in range(3)] for unit in range(units)])
        self._arrays(
            "responses",
            layer,
            {
                "histogram": random.integers(0, 5, (units, 3, 8)),
                "edges": np.tile(np.linspace(0, 2, 9), (units, 1)),
                "silent": np.full((units, 3), 4),
                "class_means": means,
                "peaks": np.tile([[3, 4]], (units, 9, 1)),
                **nearest,
            },
            about,
        )
        field = {"size": [3, 5], "stride": [2, 1], "start": [-1, 0]}
        self._arrays("weights", layer, nearest, {"layer": layer, "receptive_field": field})
        values = [-1.0 - unit for unit in range(units)]
        self._arrays(
            "negatives",
            layer,
            {"images": random.normal(size=(units, SIDE, SIDE, 1)).astype(np.float32)},
            {
                "layer": layer,
                "units": list(range(units)),
                "responses": [0.0] * units,
                "pre_activations": values,
                "constraint": constraint,
            },
        )

    def measured(self, layer: str, kept: Mapping[int, float | None], *, data: float | None = 0.25) -> Record:
        """How good the latest pictures of a layer's units are. `kept`: after a shift, of each; `data`: fine detail."""
        shares = np.array([np.nan if share is None else share for share in kept.values()])
        arrays = {"kept_shift": shares, "kept_turn": shares / 2, "kept_blur": shares / 4}
        arrays["fine_detail"] = np.linspace(0.125, 0.5, len(kept))
        about: dict[str, Any] = {} if data is None else {"data": {"fine_detail": data}}
        return self.of_pictures("naturalness", layer, list(kept), arrays, about)

    def of_pictures(
        self, task: str, layer: str, units: Sequence[int], arrays: Mapping[str, Any], about: Mapping[str, Any]
    ) -> Record:
        """What a task says of the latest pictures of some units of a layer."""
        measured = {unit: self.oips[unit] for unit in (f"{layer}/{index}" for index in units)}
        return self._arrays(task, layer, arrays, {"layer": layer, "units": list(units), **about}, measured)

    def sheet(self, layer: str, units: Sequence[int], run: Run | None = None) -> Record:
        """The contact sheet of a layer."""
        output = NewOutput("sheet", png(40, 20), "sheet", "image/png", attributes={"layer": layer})
        read = [Input("model", self.blob)]
        parameters = {"layer": layer, "units": list(units)}
        recipe_inputs = {"model": MODEL}
        title = f"layer {layer}"
        return self.commit(
            "layer", parameters, [output], recipe_inputs=recipe_inputs, inputs=read, run=run, title=title
        )

    def _arrays(
        self,
        task: str,
        layer: str,
        arrays: Mapping[str, Any],
        about: Mapping[str, Any],
        measured: Mapping[str, str] | None = None,
    ) -> Record:
        outputs = [
            NewOutput(role, npy_bytes(array), task, NPY, str(array.dtype), array.shape, attributes=about)
            for role, array in arrays.items()
        ]
        read = [Input("model", self.blob), *(Input(unit, digest) for unit, digest in (measured or {}).items())]
        recipe_inputs = {"model": MODEL, **(measured or {})}
        return self.commit(task, {"layer": layer}, outputs, recipe_inputs=recipe_inputs, inputs=read)

    def other_data(self, name: str, classes: Sequence[str]) -> None:
        """Another data set, with other images, whose exemplars later sweeps have."""
        self.data = self._data_set(name, classes, seed=2)
        self.train_imgs = self.data.output("train_imgs").digest

    def _data_set(self, name: str, classes: Sequence[str], seed: int = 1) -> Record:
        random = np.random.default_rng(seed)
        images = random.random((IMAGES, SIDE, SIDE, 1)).astype(np.float32)
        arrays: dict[str, Any] = {"train_imgs": images, "train_labels": np.arange(IMAGES) % 3, "test_imgs": images[:6]}
        outputs = [
            NewOutput(role, npy_bytes(array), "images", NPY, str(array.dtype), array.shape)
            for role, array in arrays.items()
        ]
        about = {"pixel_range": [0.0, 1.0], "source": "made up"}
        return self.commit("data", {"data": name, "classes": list(classes), "attributes": about}, outputs)

    def _network(self, config: Any) -> Record:
        history = [{"epoch": number, "accuracy": 0.8 + number / 100, "test_accuracy": 0.7} for number in (1, 2, 3)]
        about = {"test_accuracy": 0.97, "data": "digits", "data_record": self.data.key, "parameters": 1234, "epochs": 3}
        outputs = [
            NewOutput("model", keras_file(config), "model", "application/x-keras", attributes=about, identity=MODEL),
            NewOutput("history", json.dumps(history).encode(), "history", "application/json"),
        ]
        record = self.commit("model", {"epochs": 3}, outputs, inputs=[Input("train_imgs", self.train_imgs)])
        self.store.set_ref(f"model/{SLUG}", f"record:{record.key}")
        return record


def network_config() -> Any:
    """Of a network with two layers that have units, one of which is in a nested model."""
    nested, _, inner = ODD.partition("/")
    conv = {"filters": UNITS, "kernel_size": [3, 3], "padding": "same", "activation": "relu"}
    return {
        "class_name": "Sequential",
        "config": {
            "name": "small",
            "layers": [
                {"class_name": "InputLayer", "config": {"name": "image", "batch_shape": [None, SIDE, SIDE, 1]}},
                {"class_name": "Conv2D", "config": {"name": "Conv2D_1", **conv}},
                {
                    "class_name": "Sequential",
                    "config": {"name": nested, "layers": [{"class_name": "Conv2D", "config": {"name": inner, **conv}}]},
                },
            ],
        },
    }


def keras_file(config: Any) -> bytes:
    """As much of a `.keras` file as says what the layers are."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("model.weights.h5", b"")
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.15.1"}))
    return buffer.getvalue()


def swept_store(root: Path) -> SweptStore:
    """A store of which every page of networks, layers and units has something to show, dreams too."""
    made = SweptStore(root)
    made.swept({"Conv2D_1": range(UNITS)})
    made.swept(
        {"Conv2D_1": [0, 1, 2], ODD: [0, 1]},
        verdicts={"Conv2D_1/1": "unreached", "Conv2D_1/2": "dead", f"{ODD}/1": "silent"},
        failures={"Conv2D_1/4": "ValueError: <script>alert(1)</script>", f"{ODD}/2": "OSError: no room"},
        left={ODD: [3, 4]},
        seed=1,
    )
    made.looked_at("Conv2D_1")
    made.measured("Conv2D_1", {0: 0.75, 1: 0.5, 2: None, 3: 1.125})
    made.sheet("Conv2D_1", range(UNITS))
    dream(made).close("completed", {"objective": "Conv2D_1/0", "mode": "octaves", "left": 0})
    return made
