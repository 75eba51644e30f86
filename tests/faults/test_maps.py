"""Maps that fail, in each way that they can."""

from pathlib import Path

from tests.faults.house import Disk, House
from tests.flows.tiny import UNITS


def test_a_map_that_raises_is_tried_once_and_stops_no_other(house: House, store: Path) -> None:
    house.faults.set(Conv2D_2__3={"do": "raise", "error": "ValueError"})
    with house.sweep(store) as sweep:
        sweep.ends("Failed")
        assert sweep.message() == "1 of 10 maps failed: Conv2D_2/3"
        assert set(sweep.oips()) == set(UNITS) - {"Conv2D_2/3"}
        assert len(house.faults.happened("Conv2D_2/3 raises")) == 1
        house.faults.mend()
        sweep.finishes()


def test_a_map_that_raises_twice_for_a_reason_that_passes_is_tried_again_by_itself(house: House, store: Path) -> None:
    house.faults.set(Conv2D_1__2={"do": "raise", "error": "ConnectionError", "times": 2})
    with house.sweep(store) as sweep:
        assert sweep.ends("Failed", "Completed") == "Completed", sweep.message()
        assert len(house.faults.happened("Conv2D_1/2 raises")) == 2
        sweep.is_whole()
        sweep.holds_nothing()


def test_maps_that_are_out_of_memory_are_tried_again_and_then_given_up(house: House, store: Path) -> None:
    house.faults.set(
        Conv2D_1__1={"do": "raise", "error": "MemoryError"},
        Conv2D_2__0={"do": "raise", "error": "ResourceExhaustedError"},
    )
    with house.sweep(store) as sweep:
        sweep.ends("Failed")
        assert sweep.message() == "2 of 10 maps failed: Conv2D_1/1, Conv2D_2/0"
        assert all(len(house.faults.happened(f"{unit} raises")) > 1 for unit in ("Conv2D_1/1", "Conv2D_2/0"))
        house.faults.mend()
        sweep.finishes()


def test_a_map_that_hangs_in_native_code_ends_its_process_and_a_retry_goes_on(house: House, store: Path) -> None:
    house.faults.set(Conv2D_2__3={"do": "hang"})
    with house.sweep(store, stalled_after=0.8) as sweep:
        house.faults.wait_for("Conv2D_2/3 hangs")
        sweep.ends("Crashed")
        assert set(sweep.oips()) >= set(UNITS[:4])
        house.faults.mend()
        sweep.finishes()


def test_a_full_disk_stops_the_sweep_and_says_so(house: House, disk: Disk) -> None:
    house.faults.set(Conv2D_2__3={"do": "wait"})
    with house.sweep(disk.folder / "store") as sweep:
        house.faults.wait_for("Conv2D_2/3 waits")
        sweep.waits_for_many(9)
        disk.fill()
        sweep.ends("Failed")
        assert "is full" in sweep.message()
        assert set(sweep.oips()) == set(UNITS) - {"Conv2D_2/3"}
        disk.empty()
        sweep.finishes()
