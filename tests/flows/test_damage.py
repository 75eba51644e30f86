"""Blobs that were changed on the disk: a run that meets one sets it aside, says so, and makes it again."""

import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flows.running.damage import NotMadeAgain
from lib.training.settings import TrainSettings
from storage import verify
from storage.store import Store
from tasks.session.progress import listen
from tests.flows.tiny import UNITS, Bench, saved, small_cnn, write_pictures

pytestmark = pytest.mark.usefixtures("prefect_server")


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory, prefect_server: str) -> Bench:
    """A store with one sweep, of a model and a data set that are still where they came from."""
    folder = tmp_path_factory.mktemp("damage")
    made = Bench(folder / "store", saved(small_cnn(), folder / "small.keras"), write_pictures(folder / "pictures"))
    return Bench(made.root, made.model, made.data, made.sweep()["run"])


@pytest.fixture
def copy(bench: Bench, tmp_path: Path) -> Bench:
    """The same in a store of its own, to be damaged."""
    return Bench(Path(shutil.copytree(bench.root, tmp_path / "store")), bench.model, bench.data, bench.first)


def flip(path: Path, at: int | None = None) -> None:
    """Change one bit of a file."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2 if at is None else at] ^= 1
    path.chmod(0o600)
    path.write_bytes(data)


def said_while(work: Callable[[], Any]) -> tuple[Any, list[str]]:
    """What came of some work, and what was said meanwhile."""
    said: list[str] = []
    with listen(lambda *_: None, said.append):
        return work(), said


def computed(store: Store, run: str) -> set[str]:
    """What a run made itself, but for the data set: that is looked up once more when it was made."""
    return {title for title, result in store.run(run).units.items() if result.how == "computed"} - {"data"}


def test_a_sweep_makes_again_what_it_finds_damaged_and_nothing_else(copy: Bench) -> None:
    damaged = {
        "Conv2D_2/1": "oips",
        "Conv2D_1/0": "picture",
        "exemplars of Conv2D_1": "responses",
        "layer Conv2D_2": "tensors",
        "negatives of Conv2D_1": "images",
        "data": "train_imgs",
        "model": "model",
    }
    before = {title: copy.record(title).output(role).digest for title, role in damaged.items()}
    for digest in before.values():
        flip(copy.blob(digest))
    summary, said = said_while(copy.sweep)
    assert (summary["state"], summary["computed"], summary["reused"]) == ("completed", 2, len(UNITS) - 2)
    assert computed(copy.store, summary["run"]) == set(damaged) - {"data"}
    aside = [line for line in said if "set aside" in line]
    assert len(aside) == len(damaged)
    assert copy.store.run(summary["run"]).summary["set_aside"] == [line.removeprefix("Warning: ") for line in aside]
    assert any(line.startswith("Warning: Conv2D_2/1: its oips (blob ") for line in aside)
    assert len([path for path in (copy.root / "trash").rglob("*") if path.is_file()]) == len(damaged)
    assert verify.verify(copy.store).corrupt == []
    again = copy.sweep()
    assert (again["computed"], computed(copy.store, again["run"])) == (0, set())


def test_verify_sets_aside_what_was_changed_and_the_next_sweep_makes_exactly_that(copy: Bench) -> None:
    records = {title: copy.record(title) for title in copy.store.run(copy.first).units}
    blobs = sorted({output.digest for record in records.values() for output in record.outputs})
    blobs.append(records[UNITS[0]].provenance.environment)
    chosen = random.Random(4).sample(blobs, 20)
    for digest in chosen:
        flip(copy.blob(digest))
    assert sorted(verify.verify(copy.store).corrupt) == sorted(chosen)
    summary = copy.sweep()
    wanted = {title for title, record in records.items() if any(output.digest in chosen for output in record.outputs)}
    assert (summary["state"], computed(copy.store, summary["run"])) == ("completed", wanted - {"data"})
    assert copy.blob(blobs[-1]).exists()


def test_a_blob_that_is_damaged_after_it_was_found_is_made_again_by_the_same_flow(
    copy: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tasks.sweep.layers

    oips = copy.blob(copy.record("Conv2D_1/2").output("oips").digest)
    copy.blob(copy.record("layer Conv2D_1").output("sheet").digest).unlink()  # so that the layer is gathered again
    read_as = tasks.sweep.layers.Recipe

    def damage_once(*given: Any) -> Any:
        if not (copy.root / "trash" / "done").exists():
            (copy.root / "trash" / "done").touch()
            flip(oips)
        return read_as(*given)

    monkeypatch.setattr(tasks.sweep.layers, "Recipe", damage_once)
    summary, said = said_while(copy.sweep)
    assert summary["state"] == "completed"
    assert computed(copy.store, summary["run"]) == {"Conv2D_1/2", "layer Conv2D_1"}
    assert [line for line in said if "begins again" in line] != []


def test_a_registered_model_or_a_data_set_that_nobody_gave_again_ends_the_run_which_says_what_to_do(
    copy: Bench,
) -> None:
    for title, role, todo in (
        ("data", "train_imgs", f"give the data set again, with --data {copy.data}"),
        ("model", "model", "register it again, with `dreamsweep models add small.keras`"),
    ):
        flip(copy.blob(copy.record(title).output(role).digest))
        with pytest.raises(NotMadeAgain, match="is missing or damaged, and cannot be made") as caught:
            copy.sweep(model="model/latest", data=None)
        assert todo in str(caught.value)
        assert "\n" not in str(caught.value)
        copy.sweep()  # does what it says
        assert copy.sweep(model="model/latest", data=None)["computed"] == 0


def test_a_model_that_was_trained_here_is_trained_again_and_keeps_its_name(tmp_path: Path) -> None:
    units = {"layers": ["Conv2D_1/0-1"], "pixels": None}
    data = write_pictures(tmp_path / "pictures", side=18)
    trained = Bench(tmp_path / "trained", None, data).sweep(train=TrainSettings(epochs=1, batch=8, seed=1), **units)
    bench = Bench(tmp_path / "trained", trained["model"], None, trained["run"])
    network = bench.record("model").output("model")
    flip(bench.blob(network.digest))
    again, said = said_while(lambda: bench.sweep(**units))
    assert (again["state"], again["computed"], again["reused"]) == ("completed", 0, 2)
    assert any(line.endswith("; it is trained again") for line in said)
    made = bench.store.record(bench.store.ref(trained["model"]).removeprefix("record:"))
    assert made.output("model").identity == network.identity
    assert bench.store.get(made.output("model").digest)
