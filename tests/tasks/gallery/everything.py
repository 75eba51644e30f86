"""A synthetic store with a little of everything that the gallery shows."""

from pathlib import Path

from storage.store import Store
from tests.tasks.gallery.synthetic import MODEL, OTHER, Synthetic, epoch_identity
from tests.tasks.gallery.synthetic_analysis import analyse
from tests.tasks.gallery.synthetic_dreams import HOSTILE, dream, tour


def everything(root: Path) -> Synthetic:
    """A store with all of it."""
    made = Synthetic(Store.open(root))
    made.model(MODEL, "one", epochs=3)
    made.model(OTHER, "two")
    for number in (1, 2):
        made.sweep(
            epoch_identity(MODEL, number),
            {"Conv2D_1": [0, 1]},
            verdicts={"Conv2D_1/1": "silent"} if number == 1 else {},
            name="one",
        )
    made.sweep(MODEL, {"Conv2D_1": [0, 1, 2, 3]})
    made.sweep(
        MODEL, {"Conv2D_1": [0, 1, 2, 3, 4]}, verdicts={"Conv2D_1/2": "dead"}, failures={"Conv2D_1/3": "<b>"}, seed=1
    )
    made.sweep(OTHER, {"Conv2D_1": [0, 1]}, name="model/two")
    dreamt = {"objective": "Conv2D_1/0", "mode": "octaves", "left": 0}
    dream(made, HOSTILE, passes=3, film="gif", mask=True).close("completed", dreamt)
    dream(made, "flower.jpg", strip=True).close("completed", dreamt)
    tour(made)
    analyse(made)
    return made
