"""What is told of a flow run that has ended: what became of it, from its state and from its runs in the store."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.states import Cancelled, Completed, Crashed, Failed

from flows.forms.places import gallery_folder
from flows.running.labels import RUN, STORE, label_of_store
from flows.running.prefect_internals import RUNNER_ENDS
from flows.serving.message import Message, Places, ended_well, message_of
from flows.serving.overdue import TURNED_OFF
from storage.record import NewOutput
from storage.runs import How
from tests.flows.conftest import SmallStore, committed

DUE = datetime(2026, 11, 28, 0, 0, tzinfo=UTC)


class Server:
    """What Prefect's server says of flow runs: their flow, those that they called, and their states."""

    def __init__(self, *called: FlowRun, states: tuple[State[Any], ...] = ()) -> None:
        self._called, self._states = list(called), list(states)

    def read_flow(self, flow: UUID) -> SimpleNamespace:
        return SimpleNamespace(name="nightly")

    def read_flow_runs(self, **_: Any) -> list[FlowRun]:
        return self._called

    def read_flow_run_states(self, flow_run: UUID) -> list[State[Any]]:
        return self._states


def flow_run(state: State[Any], *labels: tuple[str, SmallStore], **more: Any) -> FlowRun:
    """A scheduled flow run that was begun in time, and took two hours."""
    said = {key: value for run, made in labels for key, value in ((RUN, run), (STORE, label_of_store(str(made.root))))}
    about = {
        "id": uuid4(),
        "flow_id": uuid4(),
        "name": "bold-owl",
        "auto_scheduled": True,
        "expected_start_time": DUE,
        "start_time": DUE + timedelta(seconds=2),
        "end_time": DUE + timedelta(hours=2),
        "total_run_time": timedelta(hours=2),
        "run_count": 1,
    }
    return FlowRun(**about | more, state=state, labels=said)


def told(run: FlowRun, made: SmallStore, server: Server | None = None) -> Message:
    """What is told of it, where this is the store that is served."""
    assert run.state is not None
    places = Places("http://ui", "http://pictures", str(made.root))
    return message_of(server or Server(), run, bool(ended_well(run.state)), places)  # type: ignore[arg-type]


def dreamed(made: SmallStore) -> str:
    """A run of two new dreams, and one that was there."""
    run = made.store.open_run("dream", {"model": "model/digits-1de27171"})
    hows: dict[str, How] = {"a.png": "computed", "b.png": "computed", "c.png": "reused"}
    for title, how in hows.items():
        picture = NewOutput("picture", title.encode(), "picture", "image/png")
        run.add(title, committed(made.store, "dream", {"title": title}, [picture]), how)
    run.close("completed", {"model": "model/digits-1de27171", "left": 3})
    return run.id


def test_a_night_is_told_by_what_its_parts_came_to(small: SmallStore) -> None:
    gallery = gallery_folder(str(small.root))
    gallery.mkdir(parents=True)
    (gallery / "index.html").touch()
    dreams = dreamed(small)
    server = Server(*(flow_run(Completed(), (run, small)) for run in (small.training, small.sweep, dreams)))
    message = told(run := flow_run(Completed(message="train: Completed")), small, server)
    assert message["model"] == "model/digits-1de27171"
    assert message["found"] == [
        "trained: accuracy 99.34 % on the test images",
        "2 responded, 1 dead, 1 failed, 1 never active on the data",
        "2 new dreams",
    ]
    assert (message["left"], message["seconds"]) == (3, 7198.0)
    assert message["runs"] == [small.training, small.sweep, dreams]
    lines = message["text"].splitlines()
    assert lines[0] == message["title"] == "dreamsweep: nightly bold-owl is Completed"
    for line in (
        *message["found"],
        "model: model/digits-1de27171",
        "train: Completed",
        "took 2 h",
        f"dreamsweep's run: {small.training}, {small.sweep}, {dreams}",
        "gallery: http://pictures/gallery/index.html",
        f"in Prefect: http://ui/runs/flow-run/{run.id}",
    ):
        assert line in lines


def test_units_that_no_image_makes_respond_are_counted(small: SmallStore, sweeping: Any) -> None:
    verdicts = dict.fromkeys(["Conv2D_2/1", "Conv2D_2/2"], "silent")
    run, _, _ = sweeping(small.store, small.model, small.data, verdicts, [])
    assert told(flow_run(Completed(), (run, small)), small)["found"] == ["2 silent, 2 never active on the data"]


def test_a_crash_is_told_with_what_its_run_has_stored(small: SmallStore) -> None:
    run = small.store.open_run("oip-sweep", {"model": "model/digits-1de27171"})
    run.add("Conv2D_1/0", small.oips["Conv2D_1/0"], "computed")
    small.store.close_crashed(run.id, "it was killed")
    message = told(flow_run(Crashed(message="it was killed"), (run.id, small)), small)
    assert (message["state"], message["well"], message["runs"]) == ("Crashed", False, [run.id])
    assert message["text"].splitlines()[1] == "it was killed"
    assert message["left"] is None


def test_a_night_that_was_never_begun_says_when_it_was_due_and_one_that_was_late_says_that(small: SmallStore) -> None:
    skipped = flow_run(Cancelled(name="Skipped", message="it could not run"), run_count=0)
    message = told(skipped, small)
    assert (message["attempt"], message["begun"], message["seconds"]) == (0, None, None)
    assert "and was never begun" in message["text"]
    late = told(flow_run(Completed(), start_time=DUE + timedelta(hours=7)), small)
    assert "it was due at 2026-11-2" in late["text"]
    assert "it was due" not in told(flow_run(Completed()), small)["text"]


def test_only_what_the_last_attempt_has_opened_is_told(small: SmallStore) -> None:
    long_after = State(type=StateType.RUNNING, timestamp=datetime.now(UTC) + timedelta(minutes=1))
    refused = flow_run(Failed(message="refused"), (small.sweep, small), run_count=2)
    assert told(refused, small, Server(states=(long_after,)))["found"] == []
    long_before = State(type=StateType.RUNNING, timestamp=DUE - timedelta(days=9999))
    assert told(refused, small, Server(states=(long_before,)))["runs"] == [small.sweep]


def test_a_store_that_is_gone_or_damaged_holds_back_nothing(small: SmallStore) -> None:
    run = flow_run(Failed(message="no store"), (small.sweep, small))
    for record in small.root.glob("records/*/*.json"):
        record.write_bytes(b"torn")
    assert told(run, small)["text"].splitlines()[1] == "no store"
    small.root.rename(small.root.with_name("gone"))
    assert (told(run, small)["runs"], told(run, small)["well"]) == ([], False)


def test_a_long_message_is_cut_in_the_text_and_whole_in_json(small: SmallStore) -> None:
    message = told(flow_run(Failed(message="map " * 300)), small)
    assert len(message["message"]) > 1000
    assert len(message["text"]) < 700


@pytest.mark.parametrize(
    ("state", "well"),
    [
        (Completed(), True),
        (Completed(name="Partial"), False),
        (Completed(name="Skipped"), None),  # another night is under way in the store
        (Failed(), False),
        (Failed(name="TimedOut"), False),
        (Crashed(), False),
        (Cancelled(), True),  # by whoever knows
        (Cancelled(name="Skipped"), False),  # nobody was there to run it
        (Cancelled(name="Skipped", message=TURNED_OFF), True),  # by whoever turned it off
        (Cancelled(message=RUNNER_ENDS), False),  # as by a reboot
    ],
)
def test_what_counts_as_trouble(state: State[Any], well: bool | None) -> None:
    assert ended_well(state) is well
