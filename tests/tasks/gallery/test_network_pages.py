"""Pages of networks, as files of a gallery."""

import json
from pathlib import Path

from storage.record import NewOutput
from storage.store import Store
from tests.tasks.gallery.made import Made
from tests.tasks.gallery.synthetic import MODEL, Synthetic

PAGE = "one-55555555/index.html"


def test_a_training_whose_loss_is_no_number_any_more_still_has_its_curves(tmp_path: Path) -> None:
    made = Synthetic(Store.open(tmp_path / "store"))
    losses = [2.5, 1.5, float("nan")]
    history = [{"epoch": at, "loss": loss, "accuracy": 0.1 * at} for at, loss in enumerate(losses, 1)]
    record = made.commit(
        "model",
        {"data": "mnist"},
        [
            NewOutput("model", b"one", "model", "application/x-keras", identity=MODEL),
            NewOutput("history", json.dumps(history).encode(), "history", "application/json"),
        ],
    )
    made.store.set_ref("model/one", f"record:{record.key}")
    text = Made(made.store, tmp_path / "gallery").text(PAGE)
    assert "1 2.50 2 1.50 3 –" in text
    assert "1 10.00 % 2 20.00 % 3 30.00 %" in text
