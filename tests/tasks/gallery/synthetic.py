"""A synthetic store: models, their training's checkpoints, and sweeps, as the tasks commit them.

Pictures are of a few pixels: no network, no TensorFlow.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lib.pictures.files import Picture
from lib.pictures.png import encode_png
from storage.clock import now
from storage.record import Input, NewOutput, Provenance, Record
from storage.runs import Run
from storage.store import Recipe, Store
from storage.tensors import NPY, npy_bytes

MODEL = "5" * 8 + "a" * 56
OTHER = "6" * 8 + "b" * 56
SIDE = 12


@dataclass
class Synthetic:
    """A store in the making. `models`: the digest of each model's blob, by identity."""

    store: Store
    models: dict[str, str] = field(default_factory=dict)

    def commit(
        self,
        task: str,
        parameters: Mapping[str, Any],
        outputs: Sequence[NewOutput],
        *,
        recipe_inputs: Mapping[str, str] | None = None,
        inputs: Sequence[Input] = (),
        run: Run | None = None,
        title: str = "",
    ) -> Record:
        """Commit a record, and note it in a run."""
        record = self.store.commit(
            Recipe(task, 1, parameters, recipe_inputs or {}),
            outputs,
            inputs=inputs,
            provenance=Provenance(
                run=run.id if run else None,
                flow_run=None,
                task_run=None,
                attempt=1,
                code={"commit": "c0ffee", "changes": None, "sources": "beef"},
                environment=self.store.put(b"{}"),
                host="a-host-of-mine",
            ),
            started=now(),
        )
        if run is not None:
            run.add(title or task, record, "computed")
        return record

    def model(self, identity: str, name: str, *, epochs: int = 0) -> Record:
        """A model, its training's epochs, the last of which is the model, and its name."""
        settings = {"seed": int(identity[0]), "epochs": epochs}
        for number in range(1, epochs + 1):
            checkpoint = NewOutput(
                "checkpoint",
                f"{name} {number}".encode(),
                "checkpoint",
                "application/x-keras",
                attributes={"test_accuracy": 0.9 + number / 100},
                identity=identity if number == epochs else epoch_identity(identity, number),
            )
            made = self.commit("epoch", {**settings, "epoch": number}, [checkpoint])
            output = made.output("checkpoint")
            assert output.identity is not None
            self.models[output.identity] = output.digest
        about = {"test_accuracy": 0.97, "data": None, "data_record": None}
        model = NewOutput("model", name.encode(), "model", "application/x-keras", attributes=about, identity=identity)
        record = self.commit("model", settings, [model])
        self.models[identity] = record.output("model").digest
        self.store.set_ref(f"model/{name}", f"record:{record.key}")
        return record

    def register(self, identity: str, name: str, pixels: str | None) -> Record:
        """A model from a file, of which these pixels are declared."""
        about = {"data": None, "data_record": None, "parameters": 3} | ({"pixels": pixels} if pixels else {})
        model = NewOutput("model", name.encode(), "model", "application/x-keras", attributes=about, identity=identity)
        record = self.commit("register", {"file": f"{name}.keras", **({"pixels": pixels} if pixels else {})}, [model])
        self.models[identity] = record.output("model").digest
        self.store.set_ref(f"model/{name}", f"record:{record.key}")
        return record

    def sweep(
        self,
        identity: str,
        units: Mapping[str, Sequence[int]],
        *,
        verdicts: Mapping[str, str] | None = None,
        failures: Mapping[str, str] | None = None,
        seed: int = 0,
        name: str = "model/one",
        pixels: str | None = None,
        summary: Mapping[str, Any] | None = None,
    ) -> str:
        """A sweep of some units, all of which responded unless `verdicts` says something else; gives its run."""
        run = self.store.open_run("oip-sweep", {"seed": seed})
        for layer, indices in units.items():
            for index in indices:
                unit = f"{layer}/{index}"
                if unit not in (failures or {}):
                    self._oip(identity, layer, index, (verdicts or {}).get(unit, "responded"), seed, run, pixels)
        for unit, message in (failures or {}).items():
            run.fail(unit, message, "oip")
        layers = [[layer, list(indices)] for layer, indices in units.items()]
        run.close(
            "failed" if failures else "completed", {"model": name, "layers": layers, "left": 0, **(summary or {})}
        )
        return run.id

    def _oip(
        self, identity: str, layer: str, index: int, verdict: str, seed: int, run: Run, pixels: str | None
    ) -> Record:
        # what one checkpoint grows differs from what another does
        random = np.random.default_rng([seed, index, *identity.encode()])
        images = random.normal(size=(1, SIDE, SIDE, 1)).astype(np.float32)
        unit = f"{layer}/{index}"
        about = {
            "unit": unit,
            "layer": layer,
            "index": index,
            "verdict": verdict,
            "response": 1.5 if verdict == "responded" else 0.0,
            "pre_activation": 1.5,
            "response_ratio": 1.2,
            "constraint": "standardised",
            "only_one_pattern": True,
            "alike_from": 0.8,
            "image_steps": 96,
            "oips": [
                {
                    "response": 1.5,
                    "pre_activation": 1.5,
                    "seed": 1,
                    "start": 0,
                    "length_scales": [1.0],
                    "curve": [0.5, 1.0, 1.5],
                }
            ],
            "exemplars": [],
            "exemplar_responses": [],
        }
        return self.commit(
            "oip",
            {"unit": unit, "seed": seed, "constraint": "standardised", "pixel_range": [0.0, 1.0]}
            | ({"pixels": pixels} if pixels else {}),
            [
                NewOutput("oips", npy_bytes(images), "oips", NPY, "float32", images.shape, attributes=about),
                NewOutput("picture", png(32, 32), "picture", "image/png", attributes={"unit": unit}),
            ],
            recipe_inputs={"model": identity},
            inputs=[Input("model", self.models[identity])],
            run=run,
            title=unit,
        )


def epoch_identity(identity: str, number: int) -> str:
    """The identity of the checkpoint after an epoch."""
    return f"{number:02d}{identity[2:]}"


def png(width: int, height: int) -> bytes:
    """A picture of this size."""
    pixels = np.random.default_rng([width, height]).integers(0, 255, (height, width, 3), np.uint8)
    return encode_png(Picture(pixels[None]))
