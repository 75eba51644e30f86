"""The recipes of default sweeps of the reference network on digits, beside this file in `reference_recipes.json`.

That is of commit a0cf441, the last one whose OIPs were all of pixels by themselves; `test_reference_recipes` holds the
present code to it. Nothing is grown here: a recipe follows from what is asked for.

In a checkout of that commit, with this file: `python -m tests.compatibility.reference_recipes FILE`.
"""

import hashlib
import json
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

WRITTEN = Path(__file__).with_name("reference_recipes.json")
HOW: dict[str, tuple[str, dict[str, Any]]] = {
    "trained here": ("model", {}),
    "from a file": ("register", {}),
    "trained here, in style clean": ("model", {"style": "clean"}),
    "from a file, of its dense layers": ("register", {"layers": ["dense_*"]}),
}
"""Each sweep by what it is: the task that the network comes from, and what is asked for beside the network."""
IDENTITY = "1de27171" + 56 * "0"
"""In place of what stands for the network: that depends on the version of Keras, and on its weights."""


def recipes(folder: Path) -> dict[str, dict[str, str]]:
    """Of each sweep the digest of all recipes of a task, in a store below `folder`, by what it is and by task."""
    from lib.network import model_file
    from lib.training import reference
    from storage.store import Store
    from tasks.model.model_tasks import store_data
    from tasks.model.stored import find_model
    from tasks.session.session import session
    from tests.tasks.gallery.synthetic import NewOutput, Synthetic

    store = Store.open(folder / "store")
    found = {}
    with session(store.root, "oip-sweep", {}) as opened:
        data = store.record(store_data.fn("digits", None, opened.run.id).data)
        height, width, channels = (data.output("train_imgs").shape or ())[1:]
        network = model_file.keras_bytes(reference.build((height, width, channels), 10))
        for what, (task, asked) in HOW.items():
            about = {"data": "digits", "data_record": data.key} | ({"pixels": "0..1"} if task == "register" else {})
            model = NewOutput("model", network, "model", "application/x-keras", attributes=about, identity=IDENTITY)
            record = Synthetic(store).commit(task, {}, [model])
            store.set_ref("model/reference", f"record:{record.key}")
            found[what] = _of_sweep(opened, find_model(store, "model/reference"), asked)
        opened.run.close("completed", {})
    return found


def _of_sweep(opened: Any, stored: Any, asked: dict[str, Any]) -> dict[str, str]:
    from flows.forms.parameters import SweepParameters
    from flows.sweeping.sweep_context import open_sweep, sweep_recipes

    wanted = SweepParameters(store=str(opened.store.root), model=stored.name, **asked)
    by_task = defaultdict(list)
    with open_sweep(opened, wanted, stored) as (context, units):
        for recipe in sweep_recipes(context, units):
            by_task[recipe.task].append(recipe.digest)
    return {task: hashlib.sha256("".join(sorted(all_)).encode()).hexdigest() for task, all_ in sorted(by_task.items())}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        written = json.dumps(recipes(Path(place)), indent=1) + "\n"
    Path(sys.argv[1]).write_text(written)
