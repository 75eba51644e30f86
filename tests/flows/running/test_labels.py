"""What Prefect's server knows a flow run by: its run and store, and in the UI its name and tags."""

from pathlib import Path
from uuid import UUID

import pytest

from tests.flows.tiny import Bench, saved, small_cnn, write_pictures


@pytest.mark.usefixtures("prefect_server")
def test_a_flow_run_bears_its_run_and_its_store_and_tags_say_model_kind_and_data(tmp_path: Path) -> None:
    from prefect.client.orchestration import get_client

    from flows.running.labels import RUN, STORE

    data = write_pictures(tmp_path / "pictures")
    bench = Bench(tmp_path / "store", saved(small_cnn(), tmp_path / "small.keras"), data)
    state = bench.state(layers=["Conv2D_1"])
    run = bench.store.run(bench.latest)
    assert run.flow_run is not None
    with get_client(sync_client=True) as client:
        flow_run = client.read_flow_run(UUID(run.flow_run))
    assert (flow_run.labels[RUN], flow_run.labels[STORE]) == (run.id, str(tmp_path / "store"))
    assert flow_run.name == run.id
    assert {"kind: oip-sweep", f"model: {run.summary['model']}", f"data: {data}"} <= set(flow_run.tags)
    assert state.message == "4 of 4 maps: 4 computed, 0 reused"
