"""SIGKILL for one process, for two, and for all of them. Each falls in the middle of a sweep."""

from pathlib import Path

import pytest

from tests.faults.house import House, wait_until


def test_a_flow_process_that_is_killed_is_retried(house: House, store: Path) -> None:
    house.faults.set(Conv2D_2__3={"do": "wait"})
    with house.sweep(store) as sweep:
        flow = house.faults.wait_for("Conv2D_2/3 waits")
        sweep.waits_for_many(5)
        house.kill("flow")
        wait_until(lambda: not Path(f"/proc/{flow}").exists())
        sweep.ends("Crashed", seconds=60)
        house.faults.mend()
        sweep.finishes()


@pytest.mark.parametrize("victim", ["up", "serving"])
def test_a_flow_outlives_whoever_started_it_and_ends_as_if_nothing_had_happened(
    house: House, store: Path, victim: str
) -> None:
    house.faults.set(Conv2D_2__3={"do": "wait"})
    with house.sweep(store) as sweep:
        house.faults.wait_for("Conv2D_2/3 waits")
        sweep.waits_for_many(5)
        house.kill(victim)
        house.be_up()
        assert sweep.state() == "Running"
        house.faults.mend()
        sweep.ends("Completed")
        sweep.is_whole()
        sweep.holds_nothing()


def test_a_flow_that_is_killed_together_with_up_is_marked_by_the_next_up_and_retried(house: House, store: Path) -> None:
    house.faults.set(Conv2D_2__3={"do": "wait"})
    with house.sweep(store) as sweep:
        house.faults.wait_for("Conv2D_2/3 waits")
        sweep.waits_for_many(5)
        house.kill("up", "serving", "flow")
        house.be_up()
        sweep.ends("Crashed", seconds=60)
        house.faults.mend()
        sweep.finishes()


@pytest.mark.parametrize("victims", [["server"], ["server", "up"]], ids=" and ".join)
def test_a_server_that_is_killed_comes_back_and_the_sweep_is_finished(
    house: House, store: Path, victims: list[str]
) -> None:
    house.faults.set(Conv2D_1__3={"do": "wait"})
    with house.sweep(store) as sweep:
        house.faults.wait_for("Conv2D_1/3 waits")
        sweep.waits_for_many(3)
        house.kill(*victims)
        house.faults.mend()
        house.be_up()
        if sweep.ends("Completed", "Failed", "Crashed") == "Completed":
            sweep.is_whole()
            sweep.holds_nothing()
        else:
            sweep.finishes()


def test_everything_killed_at_once_in_the_middle_of_writing_is_retried(house: House, store: Path) -> None:
    with house.sweep(store) as sweep:
        sweep.waits_for_many(1)
        house.kill("up", "server", "serving", "flow")
        house.be_up()
        sweep.ends("Crashed", seconds=60)
        sweep.finishes()
