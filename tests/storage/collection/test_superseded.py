"""Which runs later ones repeat, and that the store needs the same without them."""

from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage import garbage
from storage.collection.superseded import superseded
from storage.store import Store
from storage.verify import verify

NOW = timedelta(0)
LATER = datetime.now(UTC) + timedelta(days=1)
A_NIGHT = st.tuples(
    st.sampled_from(["oip-sweep", "dream"]),
    st.sets(st.integers(0, 4), max_size=3),
    st.sampled_from(["completed", "partial", "failed", "crashed", None]),
    st.booleans(),
)
"""Its flow, the numbers of what it names, its state (None: it is open), and whether its last commit is written down."""


def night(store, committing, flow, numbers, state="completed", noted=True):
    """A run that makes what is not there yet, and reuses what is."""
    known = {record.parameters["n"]: record for record in store.records()}
    run = store.open_run(flow, {})
    for number in sorted(numbers):
        found = known.get(number)
        record = found or committing(store, parameters={"n": number}, outputs={"oips": bytes([number])}, run=run.id)
        if noted:
            run.add(f"Conv2D_1/{number}", record, "reused" if found else "computed")
    if state is not None:
        run.close(state, {})
    return run.id


def test_of_each_flow_the_latest_stay_and_what_nobody_repeats(store, committing):
    other = night(store, committing, "oip-sweep", {7})
    sweeps = [night(store, committing, "oip-sweep", {1, 2}) for _ in range(4)]
    dream = night(store, committing, "dream", {3})
    failed = night(store, committing, "dream", set(), "failed")
    night(store, committing, "dream", {3})
    assert superseded(store, 2, LATER) == [*sweeps[:2], dream]
    assert superseded(store, 1, LATER) == [*sweeps[:3], dream, failed]
    store.set_ref("queue/one", f"run:{sweeps[0]}")
    assert superseded(store, 1, LATER) == [*sweeps[1:3], dream, failed]
    assert other in {run.id for run in store.runs()}
    assert superseded(store, 1, datetime.now(UTC) - timedelta(minutes=5)) == [], "they have ended since"


def test_what_a_run_made_last_before_it_was_killed_stays_needed(store, committing):
    killed = night(store, committing, "oip-sweep", {1}, "crashed", noted=False)
    night(store, committing, "oip-sweep", {2})
    assert superseded(store, 1, LATER) == []
    night(store, committing, "oip-sweep", {1, 2})
    assert killed in superseded(store, 1, LATER)


def test_a_failure_stays_until_a_later_run_has_come_to_it_again(store):
    def sweep(layers, failures):
        run = store.open_run("oip-sweep", {"layers": layers})
        for unit in failures:
            run.fail(unit, "no luck")
        run.close("failed" if failures else "completed", {})
        return run.id

    failed = sweep(["Conv2D_1"], ["Conv2D_1/3"])
    for _ in range(2):
        sweep(["Conv2D_2"], [])
    assert failed not in superseded(store, 1, LATER)
    sweep(["Conv2D_1"], ["Conv2D_1/3"])
    assert failed in superseded(store, 1, LATER)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25)
@given(nights=st.lists(A_NIGHT, max_size=8), keep=st.integers(1, 3))
def test_without_them_garbage_collection_takes_what_it_took_before(tmp_path_factory, committing, nights, keep):
    store = Store.open(tmp_path_factory.mktemp("store"))
    for flow, numbers, state, noted in nights:
        night(store, committing, flow, numbers, state, noted)
    before = garbage.plan(store, NOW)
    for run in superseded(store, keep, LATER):
        store.delete_run(run)
    after = garbage.plan(store, NOW)
    assert (after.records, after.blobs) == (before.records, before.blobs)
    garbage.collect(after)
    assert not verify(store).losses
