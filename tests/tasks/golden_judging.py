"""What a judge makes of a tiny network's units: both of weights from seeds, on pictures made from seeds."""

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

LAYER, INDICES = "Conv2D_2", (2, 3)


def judged(growths: dict[str, Any]) -> dict[str, Any]:
    """By name: scores, and what they say of themselves. `growths`: the ways to grow what is judged, by name."""
    from lib.network import model_file
    from storage.store import Store
    from tasks.model.context import open_context
    from tasks.model.model_tasks import store_data
    from tasks.model.network import Network, natural_of
    from tasks.session.session import session
    from tasks.sweep.context import SweepContext
    from tasks.sweep.exemplars import make_exemplars
    from tasks.sweep.interpretability import judge_layers
    from tasks.sweep.oips import make_oips
    from tests.flows.tiny import small_cnn, write_pictures

    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(Path(folder, "store"))
        with session(store.root, "golden", {}) as run:
            pictures = write_pictures(Path(folder, "pictures"), each=30)
            natural = natural_of(store, store.record(store_data.fn(pictures, None, run.run.id).data))
            swept, judge = (
                Network(model, f"seed {seed}", store.put(model_file.keras_bytes(model)), model_file.identity(model))
                for seed, model in enumerate((small_cnn(0), small_cnn(1)))
            )
            for name, growth in growths.items():
                with open_context(SweepContext(run, swept, growth, natural, judge=judge)):
                    make_exemplars.fn([LAYER], run.run.id)
                    for index in INDICES:
                        make_oips.fn(f"{LAYER}/{index}", [f"{LAYER}/{index}"], run.run.id)
                    key = judge_layers.fn({LAYER: INDICES}, run.run.id).data[LAYER]
                    outputs = store.record(key).outputs
                    found |= {f"{name} {one.role}": np.array(store.array(one.digest)) for one in outputs}
                    about = dict(outputs[0].attributes)
                    found[f"{name} data"] = np.array(list(about.pop("data").values()))  # type: ignore[union-attr]
                    found[f"{name} about"] = np.array(json.dumps(about, sort_keys=True))
            run.run.close("completed", {})
    return found
