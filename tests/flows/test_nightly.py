"""Nights: train where needed, sweep, sum up; one at a time, and on the next night exactly what was left."""

import dataclasses
import fcntl
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from prefect.client.orchestration import get_client
from prefect.states import Crashed, Running

from flows.forms.parameters import Analysing
from flows.forms.places import gallery_of
from flows.forms.resolve import Resolved
from flows.running.labels import STORE, label_of_store
from flows.serving.server_settings import api_headers
from lib.analysis.settings import AnalysisSettings
from lib.training.settings import TrainSettings
from storage.store import Store
from tests.flows.tiny import GROWTH, let_time_be_over, saved, small_cnn, write_photograph

pytestmark = pytest.mark.usefixtures("prefect_server")

HOURS = 600.0  # minutes
LAYERS = ["Conv2D_1/0-2"]


@pytest.fixture(autouse=True)
def version(monkeypatch: pytest.MonkeyPatch) -> None:
    """One version of the code, whatever is edited in the checkout while the tests run."""
    code = {"commit": "c" * 40, "changes": None, "sources": "d" * 64}
    monkeypatch.setattr("tasks.session.session.code_version", lambda: code)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("nights") / "store"


@pytest.fixture
def after_epoch() -> Iterator[Callable[[int], None]]:
    """Let the time be over while an epoch of this number is trained."""
    from tasks.session import progress

    wanted: list[int] = []

    def hear(what: str, done: int, total: int, note: str, *_: object) -> None:
        if what == "training" and wanted and note.startswith(f"epoch {wanted[0]} "):
            let_time_be_over()

    with progress.listen(hear):
        yield lambda number: wanted.append(number)


def night(root: Path, **changes: Any) -> Any:
    """The state in which a night ends: the reference network, trained for two epochs on the embedded digits."""
    from flows.forms.parameters import NightlyParameters
    from flows.nightly import nightly

    settings = TrainSettings(epochs=2, batch=64)
    asked = {
        "data": "digits",
        "data_dir": None,
        "layers": LAYERS,
        "growth": GROWTH,
        "train": settings,
        "analysis": None,
    }
    return nightly(NightlyParameters(store=str(root), **(asked | changes)), return_state=True)


def summary_of_the_night(prefect_server: str) -> str:
    """What Prefect's UI shows of the latest night."""
    question = {"artifacts": {"key": {"any_": ["night"]}}, "sort": "CREATED_DESC", "limit": 1}
    (found,) = httpx.post(
        f"{prefect_server}/artifacts/filter", json=question, headers=api_headers(), trust_env=False
    ).json()
    return str(found["data"])


def test_a_night_that_has_no_time_for_all_epochs_leaves_the_rest_to_the_next(
    root: Path, after_epoch: Callable[[int], None]
) -> None:
    after_epoch(1)
    state = night(root, budget=HOURS)
    assert (state.type.value, state.name) == ("COMPLETED", "Partial")
    assert state.message.startswith("train: 1 of 2 epochs are trained; the next run goes on from there")
    assert "oip-sweep: not begun" in state.message
    store = Store.open(root)
    assert [(run.flow, run.state) for run in store.runs()] == [("train", "partial")]
    epoch = store.runs()[-1].units["epoch 1"].record

    state = night(root, budget=HOURS)
    assert (state.name, state.message) == ("Completed", "train: Completed; oip-sweep: Completed")
    trained, swept = Store.open(root).runs()[1:]
    assert (trained.units["epoch 1"].record, trained.units["epoch 1"].how) == (epoch, "reused")
    assert trained.units["epoch 2"].how == "computed"
    assert swept.summary["model"] == trained.summary["model"]


def test_a_night_with_nothing_to_do_computes_nothing(root: Path) -> None:
    assert night(root).name == "Completed"
    trained, swept = Store.open(root).runs()[-2:]
    assert {unit.how for run in (trained, swept) for unit in run.units.values()} == {"reused"}


def test_a_changed_recipe_is_trained_and_its_model_is_swept(root: Path) -> None:
    before = Store.open(root).ref("model/latest")
    assert night(root, train=TrainSettings(epochs=1, batch=64, seed=1)).name == "Completed"
    store = Store.open(root)
    assert store.ref("model/latest") != before
    assert store.runs()[-1].summary["model"] == store.runs()[-2].summary["model"]


def test_a_night_with_a_model_trains_nothing(root: Path) -> None:
    store = Store.open(root)
    runs = len(store.runs())
    assert night(root, model="model/latest", data=None).name == "Completed"
    (swept,) = store.runs()[runs:]
    assert swept.flow == "oip-sweep"


@pytest.fixture
def dreaming(tmp_path: Path) -> Any:
    """Two pictures that are to be dreamed of, in haste."""
    from flows.forms.parameters import Dreaming
    from lib.dream.settings import DreamSettings

    for number in range(2):
        write_photograph(tmp_path / "pictures" / f"{number}.png", number)
    settings = DreamSettings(octaves=1, steps=2)
    return Dreaming(pictures=[str(tmp_path / "pictures")], out=tmp_path / "dreams", settings=settings)


def test_a_night_dreams_the_model_that_it_has_swept(
    root: Path, dreaming: Any, prefect_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DREAMSWEEP_STORE", str(root))
    monkeypatch.setenv("DREAMSWEEP_PUBLIC_URL", "https://host.example")
    state = night(root, dreams=dreaming)
    assert (state.name, state.message) == (
        "Completed",
        "train: Completed; oip-sweep: Completed; dream: Completed",
    )
    trained, swept, dreamed = Store.open(root).runs()[-3:]
    assert [run.flow for run in (trained, swept, dreamed)] == ["train", "oip-sweep", "dream"]
    assert dreamed.opened > str(swept.closed)
    assert dreamed.summary["model"] == swept.summary["model"] == trained.summary["model"]
    assert {path.name for path in dreaming.out.iterdir()} == {"0.png.png", "1.png.png"}
    page = summary_of_the_night(prefect_server)
    assert "- **dream**: Completed" in page
    assert f"/runs/{dreamed.id}/0.png.png)" in page
    folder = gallery_of(str(root))
    assert folder is not None
    dreams = re.findall(r"## \[[^]]*\]\(https://host.example/pictures/gallery/(dreams/[^)]*)\)", page)
    assert len(dreams) == 2
    assert all((folder / address).is_file() for address in dreams)
    assert night(root, dreams=dreaming).name == "Completed"
    again = Store.open(root).runs()[-1]
    assert {unit.how for unit in again.units.values()} == {"reused"}


def test_a_night_analyses_the_model_that_it_has_swept(root: Path, prefect_server: str) -> None:
    analysis = Analysing(settings=AnalysisSettings(classifier_images=100), layers=["dense_1"])
    state = night(root, analysis=analysis)
    assert (state.name, state.message) == ("Completed", "train: Completed; oip-sweep: Completed; analyse: Completed")
    _, swept, analysed = Store.open(root).runs()[-3:]
    assert (analysed.flow, analysed.summary["model"]) == ("analyse", swept.summary["model"])
    assert {"predictions of test", "fcps of dense_1", "linear classifiers"} <= set(analysed.units)
    assert "Accuracy on the test images of digits: " in summary_of_the_night(prefect_server)


def test_a_night_with_a_model_that_has_no_images_analyses_nothing(root: Path, tmp_path: Path) -> None:
    file = saved(small_cnn(), tmp_path / "small.keras")
    state = night(root, model=str(file), data=None, pixels="0..1", layers=["Conv2D_1/0"], analysis=Analysing())
    assert (state.name, state.message) == ("Completed", "oip-sweep: Completed")


def test_a_night_whose_time_is_over_leaves_dreams_to_the_next(
    root: Path, dreaming: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tasks.session import originals

    dreaming.settings = dataclasses.replace(dreaming.settings, seed=1)
    keep = originals.keep_original

    def slow(*arguments: Any) -> None:
        keep(*arguments)
        let_time_be_over()

    with monkeypatch.context() as patch:
        patch.setattr(originals, "keep_original", slow)
        patch.setattr("flows.dreaming.dream_passes.AT_ONCE", 1)
        state = night(root, model="model/latest", data=None, dreams=dreaming)
    assert state.name == "Partial"
    assert state.message.startswith("dream: 1 of 2 dreams are left; the next run goes on with them")
    assert night(root, model="model/latest", data=None, dreams=dreaming).name == "Completed"
    run = Store.open(root).runs()[-1]
    assert sorted(run.units[f"{number}.png"].how for number in range(2)) == ["computed", "reused"]


def test_a_night_with_no_time_for_dreams_says_so(root: Path, dreaming: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    passed = iter([False, True])  # of the sweep, and of the dreams
    live = SimpleNamespace(deadline=Limited(passed), found=Resolved())
    monkeypatch.setattr("flows.nightly.alive", lambda parameters: nullcontext(live))
    state = night(root, model="model/latest", data=None, dreams=dreaming)
    assert (state.name, state.message) == ("Partial", "dream: not begun")
    assert Store.open(root).runs()[-1].flow == "oip-sweep"


class Limited:
    """A deadline that is over when it is asked for that time."""

    def __init__(self, passed: Iterator[bool]) -> None:
        self._passed = passed

    @property
    def passed(self) -> bool:
        """Whether it is over."""
        return next(self._passed)

    def seconds_left(self) -> float | None:
        """None, as for a run without one."""
        return None


def test_a_picture_that_cannot_be_read_is_told_once_until_it_changes_and_no_night_fails_of_it(
    root: Path, dreaming: Any, prefect_server: str, tmp_path: Path
) -> None:
    broken, loop = tmp_path / "pictures" / "broken.png", tmp_path / "pictures" / "loop.png"
    whole = (tmp_path / "pictures" / "0.png").read_bytes()
    broken.write_bytes(whole[: len(whole) // 2])
    loop.symlink_to(loop)

    def next_night() -> str:
        state = night(root, model="model/latest", data=None, dreams=dreaming)
        assert state.name == "Completed"
        return str(state.message)

    well = "oip-sweep: Completed; dream: Completed"
    told = "2 pictures cannot be read, and are passed over until their files change: broken.png, loop.png"
    assert next_night() == f"{well}; dream: {told}"
    assert "is truncated or damaged" in summary_of_the_night(prefect_server)
    assert set(Store.open(root).runs()[-1].failures) == {"broken.png", "loop.png"}
    assert next_night() == well
    quiet = Store.open(root).runs()[-1]
    assert (quiet.state, quiet.failures) == ("completed", {})
    broken.write_bytes(whole[: len(whole) // 3])
    changed = "1 picture cannot be read, and is passed over until its file changes: broken.png"
    assert next_night() == f"{well}; dream: {changed}"
    assert next_night() == well
    write_photograph(broken, 9)
    loop.unlink()
    assert next_night() == well
    assert Store.open(root).runs()[-1].units["broken.png"].how == "computed"
    assert Store.open(root).runs()[-1].summary["unreadable"] == {}


def test_a_picture_that_was_found_unreadable_by_hand_is_no_news_at_night(
    root: Path, dreaming: Any, tmp_path: Path
) -> None:
    from flows.dream import DreamsFailed, dream
    from flows.forms.parameters import DreamParameters

    (tmp_path / "pictures" / "empty.png").write_bytes(b"")
    asked = DreamParameters(store=str(root), **dict(dreaming), model="model/latest")
    for _ in range(2):  # who starts it by hand is told each time
        with pytest.raises(DreamsFailed, match=r"1 of 3 dreams failed: empty\.png"):
            dream(asked)
    state = night(root, model="model/latest", data=None, dreams=dreaming)
    assert (state.name, state.message) == ("Completed", "oip-sweep: Completed; dream: Completed")


def test_a_picture_that_fails_otherwise_makes_the_night_fail_and_the_page_shows_the_others(
    root: Path, dreaming: Any, prefect_server: str
) -> None:
    dreaming.out.mkdir()
    (dreaming.out / "1.png.png").write_bytes(b"somebody's")
    state = night(root, model="model/latest", data=None, dreams=dreaming)
    assert (state.type.value, state.message) == ("FAILED", "dream: 1 of 2 dreams failed: 1.png")
    assert "- **dream**: Failed: 1 of 2 dreams failed: 1.png" in summary_of_the_night(prefect_server)


def test_a_folder_of_pictures_that_is_not_there_makes_every_night_fail(
    root: Path, dreaming: Any, tmp_path: Path
) -> None:
    dreaming.pictures = [*dreaming.pictures, str(tmp_path / "not mounted")]
    for _ in range(2):
        state = night(root, model="model/latest", data=None, dreams=dreaming)
        assert state.type.value == "FAILED"
        assert "there is no picture" in state.message
        assert "not mounted" in state.message


def test_the_usual_folder_of_pictures_is_dreamed_of_where_there_is_one(
    root: Path, dreaming: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.forms.parameters import NightlyParameters

    assert NightlyParameters(store=str(root)).dreaming is None  # as on this machine, where there is no such folder
    monkeypatch.setattr("flows.forms.parameters.ORIGINALS", tmp_path / "pictures")
    found = NightlyParameters(store=str(root)).dreaming
    assert found is not None
    assert found.pictures == [str(tmp_path / "pictures")]
    (tmp_path / "none").mkdir()
    monkeypatch.setattr("flows.forms.parameters.ORIGINALS", tmp_path / "none")
    assert NightlyParameters(store=str(root)).dreaming is None  # an empty one is no reason for a night to fail
    assert NightlyParameters(store=str(root), dreams=dreaming).dreaming == dreaming


def test_a_night_ends_failed_with_what_failed_and_the_next_makes_that_alone(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tasks.sweep.oips

    search_unit = tasks.sweep.oips.search_unit

    def faulty(unit: Any, *arguments: Any, **named: Any) -> Any:
        if str(unit) == "Conv2D_1/1":
            raise ValueError("no luck")
        return search_unit(unit, *arguments, **named)

    monkeypatch.setattr(tasks.sweep.oips, "search_unit", faulty)
    settings = {"train": TrainSettings(epochs=1, batch=64, seed=2)}
    state = night(root, **settings)
    assert (state.type.value, state.message) == ("FAILED", "oip-sweep: 1 of 3 maps failed: Conv2D_1/1")
    monkeypatch.setattr(tasks.sweep.oips, "search_unit", search_unit)
    assert night(root, **settings).name == "Completed"
    run = Store.open(root).runs()[-1]
    assert [run.units[f"Conv2D_1/{index}"].how for index in range(3)] == ["reused", "computed", "reused"]


def test_the_summary_of_a_night_tells_each_part_and_shows_the_sheets(
    root: Path, prefect_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DREAMSWEEP_STORE", str(root))
    monkeypatch.setenv("DREAMSWEEP_PUBLIC_URL", "https://host.example")
    night(root)
    run = Store.open(root).runs()[-1].id
    page = summary_of_the_night(prefect_server)
    assert "- **train**: Completed" in page
    assert "- **oip-sweep**: Completed" in page
    assert "**dream**" not in page
    assert "data:image/webp;base64," in page
    assert f"/runs/{run}/Conv2D_1.png)" in page


def test_two_nights_of_a_store_never_overlap_and_a_killed_one_is_in_nobodys_way(root: Path) -> None:
    from flows.forms.places import DATA_FOLDER

    (lock,) = [path for path in (DATA_FOLDER / "prefect" / "nights").iterdir() if _used_by(path, root)]
    hold = (
        "import fcntl, sys; file = open(sys.argv[1], 'ab'); fcntl.flock(file, fcntl.LOCK_EX);"
        "print('held', flush=True); input()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", hold, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        runs = len(Store.open(root).runs())
        state = night(root)
        assert (state.type.value, state.name) == ("COMPLETED", "Skipped")
        assert "another night" in state.message
        assert len(Store.open(root).runs()) == runs
    finally:
        other.kill()
        other.wait()
    assert night(root).name == "Completed"


def test_with_a_pool_a_night_of_another_machine_is_not_overlapped_and_a_crashed_one_is_in_nobodys_way(
    root: Path,
) -> None:
    from flows.nightly import nightly

    with get_client(sync_client=True) as client:
        other = client.create_flow_run(nightly, parameters={}, state=Running())
        client.update_flow_run_labels(other.id, {STORE: label_of_store(str(root))})
        elsewhere = client.create_flow_run(nightly, parameters={}, state=Running())
        client.update_flow_run_labels(elsewhere.id, {STORE: "s3://another/store"})
        assert night(root, pool="night-shift").name == "Skipped"
        client.set_flow_run_state(other.id, Crashed(), force=True)
        state = night(root, pool="night-shift")
        client.set_flow_run_state(elsewhere.id, Crashed(), force=True)
    assert state.name == "Failed"
    assert "no work pool 'night-shift' makes shards by image-shard" in state.message


def _used_by(lock: Path, root: Path) -> bool:
    """Whether a night of this store waits for nobody but this lock."""
    with lock.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        return bool(night(root).name == "Skipped")
