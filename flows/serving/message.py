"""What a person wants to know of a flow run that has ended, from its state and from its runs in the store."""

import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypedDict

from flows.forms.places import GALLERY, gallery_folder
from flows.results.runs import in_words, is_counted, on_data_of, run_with_unnoted, verdicts_of
from flows.results.sweep_summary import COLUMNS
from flows.running.labels import RUN, STORE, label_of_store
from flows.running.outcome import SKIPPED
from flows.running.prefect_internals import RUNNER_ENDS
from flows.serving.overdue import TURNED_OFF
from lib.printable import printable
from lib.words import count, duration, percent, plural
from storage.errors import StoreError
from storage.store import Store
from tasks.session.recorded import PARTIAL
from tasks.sweep.on_data import NEVER

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import FlowRun, State

    from storage.runs import RunRecord

LATE = timedelta(minutes=5)
_SHOWN = 400
"""Letters of a state's message in a text: chats refuse what is long. JSON has more of it."""

log = logging.getLogger("dreamsweep.up")


class Message(TypedDict):
    """How a flow run ended: what a webhook is called with, as JSON.

    `text`: all that a chat shows. `well`: whether it did all that it was to do. `run`: Prefect's name of it, `flow_run`
    its id, `attempt` how often it was begun, 0 where it never was. `runs`: the ids of its runs in the store, whose
    results `found` says. `left`: how much of what it counts is left to the next run; None where that is not known, as
    are `model`, `seconds` and the `gallery` where there is none. `url`: its page in Prefect's UI. `due`, `begun`,
    `ended`: ISO 8601.
    """

    text: str
    title: str
    flow: str
    run: str
    state: str
    well: bool
    message: str
    model: str | None
    found: list[str]
    left: int | None
    seconds: float | None
    due: str | None
    begun: str | None
    ended: str | None
    runs: list[str]
    flow_run: str
    attempt: int
    gallery: str | None
    url: str


@dataclass(frozen=True)
class Places:
    """Where links lead, Prefect's UI and the pictures, and the store that is served."""

    ui: str
    pictures: str
    store: str


def ended_well(state: "State[Any]") -> bool | None:
    """Whether a flow run ended as it was to; None of one that is nobody's concern, as another does its work."""
    if state.is_completed():
        return None if state.name == SKIPPED else state.name != PARTIAL
    # What a person has cancelled, or turned off, is as that person wanted it.
    if state.name == SKIPPED:
        return state.message == TURNED_OFF
    return state.is_cancelled() and state.message != RUNNER_ENDS


def message_of(client: "SyncPrefectClient", run: "FlowRun", well: bool, places: Places) -> Message:
    """What is told of a flow run that has ended. What of the store cannot be read is left out."""
    assert run.state is not None
    flow, again = client.read_flow(run.flow_id).name, _begun(client, run)
    begun = (again or run.start_time) if run.run_count else None
    runs = list(_runs(client, run, places, again))
    message = printable(run.state.message or "")
    if run.state.is_cancelled() and run.state.message == RUNNER_ENDS:
        message = "dreamsweep up was ended while it ran; a retry goes on with what is missing"
    lefts = [left for _, one in runs if isinstance(left := one.summary.get("left"), int)]
    gallery = gallery_folder(places.store) / "index.html"
    title = printable(f"dreamsweep: {flow} {run.name} is {run.state.name}")
    told = Message(
        text="",
        title=title,
        flow=flow,
        run=run.name,
        state=run.state.name or run.state.type.value,
        well=well,
        message=message,
        model=next((str(said) for _, one in reversed(runs) if (said := _model(one))), None),
        found=[line for store, one in runs if (line := _found(store, one))],
        left=sum(lefts) if lefts else None,
        seconds=(run.end_time - begun).total_seconds() if begun and run.end_time else None,
        due=_stamp(run.expected_start_time) if run.auto_scheduled else None,
        begun=_stamp(begun),
        ended=_stamp(run.end_time),
        runs=[one.id for _, one in runs],
        flow_run=str(run.id),
        attempt=run.run_count,
        gallery=f"{places.pictures}/{GALLERY}/index.html" if gallery.is_file() else None,
        url=f"{places.ui}/runs/flow-run/{run.id}",
    )
    told["text"] = f"{title}\n{text_of(told)}"
    return told


def sample_message() -> Message:
    """A message of no flow run, to see whether any arrive."""
    title = "dreamsweep: this is a test"
    told = Message(
        text="",
        title=title,
        flow="test",
        run="test",
        state="Completed",
        well=True,
        message="Messages of flow runs arrive here.",
        model=None,
        found=[],
        left=None,
        seconds=None,
        due=None,
        begun=None,
        ended=None,
        runs=[],
        flow_run="",
        attempt=0,
        gallery=None,
        url="",
    )
    told["text"] = f"{title}\n{text_of(told)}"
    return told


def text_of(told: Message) -> str:
    """A message as lines of plain text, without its title."""
    message = told["message"] if len(told["message"]) <= _SHOWN else f"{told['message'][:_SHOWN]}…"
    lines = [*([f"model: {told['model']}"] if told["model"] else []), *told["found"]]
    lines.insert(len(lines) if told["well"] else 0, message)  # what went wrong comes first
    if told["seconds"] is not None:
        lines.append(f"took {duration(told['seconds'])}{_lateness(told)}")
    elif told["due"] is not None:
        lines.append(f"it was due at {_clock(told['due'])}, and was never begun")
    if told["runs"]:
        lines.append(f"dreamsweep's run: {', '.join(told['runs'])}")
    if told["gallery"]:
        lines.append(f"gallery: {told['gallery']}")
    if told["url"]:
        lines.append(f"in Prefect: {told['url']}")
    return "\n".join(printable(line) for line in lines if line)


def _lateness(told: Message) -> str:
    if told["due"] is None or told["begun"] is None:
        return ""
    if datetime.fromisoformat(told["begun"]) - datetime.fromisoformat(told["due"]) <= LATE:
        return ""
    return f"; it was due at {_clock(told['due'])}, and was begun at {_clock(told['begun'])}"


def _clock(stamp: str) -> str:
    return f"{datetime.fromisoformat(stamp).astimezone():%Y-%m-%d %H:%M %Z}"


def _stamp(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _runs(
    client: "SyncPrefectClient", run: "FlowRun", places: Places, since: datetime | None
) -> Iterator[tuple[Store, "RunRecord"]]:
    """What a flow run has opened in a store since then, or else those flow runs that it called, in their turn."""
    for labels in _labels(client, run):
        place = str(labels[STORE])
        try:
            # that which is served may need a password, which no label says
            store = Store.open(places.store if place == label_of_store(places.store) else place, create=False)
            found = run_with_unnoted(store, str(labels[RUN]))
        except StoreError:
            continue
        except Exception:  # what a remote store may raise is not all known
            log.exception("run %s cannot be read", labels[RUN])
            continue
        if since is None or datetime.fromisoformat(found.opened) >= since:
            yield store, found


def _begun(client: "SyncPrefectClient", run: "FlowRun") -> datetime | None:
    """When the last attempt began, where there were several."""
    if run.run_count <= 1:
        return None
    return max((state.timestamp for state in client.read_flow_run_states(run.id) if state.is_running()), default=None)


def _labels(client: "SyncPrefectClient", run: "FlowRun") -> list[dict[str, Any]]:
    from prefect.client.schemas import filters
    from prefect.client.schemas.sorting import FlowRunSort

    if RUN in run.labels:
        return [dict(run.labels)]
    within = filters.FlowRunFilter(parent_flow_run_id=filters.FlowRunFilterParentFlowRunId(any_=[run.id]))
    called = client.read_flow_runs(flow_run_filter=within, sort=FlowRunSort.START_TIME_ASC)
    return [dict(one.labels) for one in called if RUN in one.labels]


def _model(run: "RunRecord") -> object:
    return run.summary.get("model") or run.parameters.get("model")


def _found(store: Store, run: "RunRecord") -> str:
    """What a run came to, in words; empty where that is nothing new, or cannot be read."""
    try:
        return _results(store, run)
    except Exception:  # a damaged store holds back no message
        log.exception("what run %s came to cannot be read", run.id)
        return ""


def _results(store: Store, run: "RunRecord") -> str:
    match run.flow:
        case "oip-sweep":
            verdicts: Counter[str] = Counter()
            for counts in verdicts_of(store, run).values():
                verdicts.update(counts)
            never = sum(counts.get(NEVER, 0) for counts in on_data_of(store, run).values())
            said = [in_words({name: verdicts[name] for name in COLUMNS})]
            return ", ".join([*filter(None, said), *([f"{count(never)} never active on the data"] if never else [])])
        case "dream":
            return plural(_computed(run), "new dream")
        case "analyse":
            accuracy: Any = run.summary.get("accuracy")
            said = [plural(_computed(run), "new result") + " of the analysis"]
            return ", ".join(said if accuracy is None else [*said, f"accuracy {percent(accuracy)}"])
        case "train":
            tested: Any = run.summary.get("test_accuracy")
            trained = any(result.how == "computed" for result in run.units.values())
            return f"trained: accuracy {percent(tested)} on the test images" if trained and tested is not None else ""
    return ""


def _computed(run: "RunRecord") -> int:
    return sum(result.how == "computed" and is_counted(result) for result in run.units.values())
