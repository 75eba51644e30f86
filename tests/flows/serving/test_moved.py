"""A data folder that is copied to another place, as by a backup that is restored or a move to another machine."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.flows.being_up import Up, dreamsweep, processes_of
from tests.flows.tiny import UNITS, saved, small_cnn, write_pictures

pytestmark = pytest.mark.slow


def test_a_copy_of_a_data_folder_goes_on_where_that_one_ended(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    model, data = saved(small_cnn(), tmp_path / "small.keras"), write_pictures(tmp_path / "pictures")
    sweep: dict[str, Any] = {"model": str(model), "data": data, "pixels": "0..1"}
    sweep["growth"] = {"oips": 1, "starts": 2, "steps": 4}
    up = Up(here, "--allow", tmp_path)
    first = up.start("oip-sweep", **sweep)
    assert up.wait_for(first)["type"] == "COMPLETED"
    up.ask("PATCH", f"/deployments/{up.deployment('nightly')['id']}", json={"description": "changed in the UI"})
    up.end()
    shutil.copytree(here, there, symlinks=True)
    shutil.rmtree(here)

    up = Up(there, "--allow", tmp_path)
    try:
        assert up.state(first)["type"] == "COMPLETED"
        again = up.wait_for(up.start("oip-sweep", **sweep))
        assert again["message"].startswith(f"{len(UNITS)} of {len(UNITS)} maps: 0 computed"), again["message"]
        page = up.get(f"{up.note['pictures']}/gallery/index.html")
        assert page.status_code == 200
        assert str(here) not in page.text
        verified = json.loads(dreamsweep(there, "verify", "--json").stdout)
        assert verified["clean"], verified
    finally:
        up.end()
    assert not processes_of(tmp_path)
