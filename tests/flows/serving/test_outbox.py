"""The outbox: each end of a flow run is told once, across restarts, full disks and clocks that are put right."""

import time
from pathlib import Path

import pytest

from flows.serving.message import sample_message
from flows.serving.outbox import FIRST_WAIT, GIVEN_UP_SECONDS, KEPT_SECONDS, LONGEST_WAIT, Outbox


class Clock:
    """The time, which only the test moves."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "time", clock)
    return clock


def due(outbox: Outbox) -> list[str]:
    return [entry.flow_run for entry, _ in outbox.due()]


def test_what_was_sent_is_not_sent_again_by_the_next_process_and_what_was_not_is(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox")
    outbox.put("sent", 1, sample_message())
    outbox.put("waiting", 1, sample_message())
    outbox.put("well", 1, None)
    first, second = outbox.due()
    outbox.note_sent(first[0])
    again = Outbox(tmp_path / "outbox")
    assert [again.knows(name, 1) for name in ("sent", "waiting", "well", "another")] == [True, True, True, False]
    assert not again.knows("sent", 2)  # somebody has had it retried
    assert list(again.due()) == [second]


def test_the_wait_for_the_next_try_grows_and_outlives_a_restart(tmp_path: Path, clock: Clock) -> None:
    outbox = Outbox(tmp_path)
    outbox.put("run", 1, sample_message())
    waits = []
    for _ in range(12):
        ((entry, _),) = outbox.due()
        wait = outbox.note_not_sent(entry)
        assert wait is not None
        waits.append(wait)
        outbox = Outbox(tmp_path)
        clock.now += wait - 1
        assert due(outbox) == []
        clock.now += 2
    assert waits[:3] == [FIRST_WAIT, 2 * FIRST_WAIT, 4 * FIRST_WAIT]
    assert waits[-1] == LONGEST_WAIT
    clock.now += GIVEN_UP_SECONDS
    ((entry, _),) = outbox.due()
    assert outbox.note_not_sent(entry) is None
    assert due(outbox) == due(Outbox(tmp_path)) == []


def test_a_clock_that_is_put_back_holds_up_nothing(tmp_path: Path, clock: Clock) -> None:
    outbox = Outbox(tmp_path)
    outbox.put("run", 1, sample_message())
    ((entry, _),) = outbox.due()
    outbox.note_not_sent(entry)
    assert due(outbox) == []
    clock.now -= 86_400
    assert due(outbox) == ["run"]


def test_where_nothing_can_be_written_it_is_remembered_and_written_later(tmp_path: Path) -> None:
    folder = tmp_path / "outbox"
    folder.touch()  # as good as a full disk: no file can be made in it
    outbox = Outbox(folder)
    outbox.put("run", 1, sample_message())
    ((entry, _),) = outbox.due()
    outbox.note_sent(entry)
    assert outbox.knows("run", 1)
    assert due(outbox) == []
    folder.unlink()
    outbox.tidy()
    again = Outbox(folder)
    assert again.knows("run", 1)
    assert due(again) == []


def test_only_its_owner_can_read_it_and_what_is_long_past_is_removed(tmp_path: Path, clock: Clock) -> None:
    folder = tmp_path / "outbox"
    outbox = Outbox(folder)
    outbox.put("old", 1, None)
    (file,) = folder.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    clock.now += KEPT_SECONDS + 1
    outbox.put("new", 1, None)
    outbox.tidy()
    assert [path.name for path in folder.iterdir()] == ["new-1.json"]
