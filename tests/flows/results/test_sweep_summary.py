"""The summary of a sweep, from the store alone."""

from pathlib import Path
from typing import Any

import pytest

from flows.results.sweep_summary import sweep_summary
from storage.errors import BlobCorrupt, StoreError


def test_a_sweep_is_summed_up_from_its_records(small: Any) -> None:
    summary = sweep_summary(small.store, small.sweep)
    assert summary["verdicts"] == {
        "Conv2D_1": {"responded": 1, "unreached": 0, "silent": 0, "dead": 1, "failed": 0, "left": 0},
        "Conv2D_2": {"responded": 1, "unreached": 0, "silent": 0, "dead": 0, "failed": 1, "left": 0},
    }
    # what has failed is in neither
    assert summary["on_data"] == {"Conv2D_1": {"active": 1, "never": 1}, "Conv2D_2": {"active": 1}}
    assert [unit.get("on_data") for unit in summary["units"]] == ["active", "never", "active", None]
    assert [unit["unit"] for unit in summary["units"]] == ["Conv2D_1/0", "Conv2D_1/1", "Conv2D_2/17", "Conv2D_2/18"]
    assert summary["units"][-1]["verdict"] == "failed"
    assert summary["units"][-1]["error"] == summary["failures"]["Conv2D_2/18"]
    assert summary["computed"] + summary["reused"] == 3
    for unit in summary["units"][:-1]:
        assert Path(unit["png"]).is_file()
        assert Path(unit["npy"]).is_file()
        assert "curve" not in unit["oips"][0]


def test_what_is_no_sweep_is_not_summed_up(small: Any) -> None:
    with pytest.raises(StoreError, match="no sweep"):
        sweep_summary(small.store, small.training)
    with pytest.raises(StoreError, match="no run"):
        sweep_summary(small.store, "20261122-101530-a1b2c3")


def test_a_picture_that_was_changed_is_not_handed_out(small: Any) -> None:
    path = Path(sweep_summary(small.store, small.sweep)["units"][0]["png"])
    path.chmod(0o600)
    path.write_bytes(b"another picture")
    with pytest.raises(BlobCorrupt, match="dreamsweep verify"):
        sweep_summary(small.store, small.sweep)
