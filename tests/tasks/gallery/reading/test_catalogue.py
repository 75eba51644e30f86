"""One scan of a store: networks, the latest result of every unit, sweeps, epochs and lineage."""

from pathlib import Path

import pytest

from lib.network.units import Unit
from storage.record import Input, NewOutput
from storage.store import Store
from tasks.gallery.reading.catalogue import Catalogue
from tasks.gallery.reading.lineage import list_makers, list_users, reader_keys
from tests.tasks.gallery.swept_store import SLUG, SweptStore, keras_file, network_config
from tests.tasks.gallery.synthetic import MODEL, OTHER, Synthetic, epoch_identity


@pytest.fixture
def swept(tmp_path: Path) -> SweptStore:
    return SweptStore(tmp_path / "store")


def scan(store: Synthetic) -> Catalogue:
    return Catalogue(Store.open(store.store.root))


def test_a_network_is_known_by_its_name_and_its_layers_in_their_order(swept: SweptStore) -> None:
    (network,) = scan(swept).networks
    assert (network.slug, network.title, network.identity) == (SLUG, SLUG, MODEL)
    assert [layer.name for layer in network.layers] == ["image", "Conv2D_1", 'back/<b>"1"&']


def test_networks_come_the_newest_first_and_the_latest_is_no_name(swept: SweptStore) -> None:
    swept.store.set_ref("model/latest", f"record:{swept.record.key}")
    swept.model(OTHER, "two")
    assert [network.slug for network in scan(swept).networks] == [f"two-{OTHER[:8]}", SLUG]


def test_a_network_whose_file_is_gone_is_still_there(swept: SweptStore) -> None:
    run = swept.swept({"Conv2D_1": [0]})
    Path(swept.store.root, "blobs", swept.blob[:2], swept.blob).unlink()
    (network,) = scan(swept).networks
    assert network.layers == ()
    assert scan(swept).units(MODEL)["Conv2D_1"][0].run == run.id


def test_two_executions_of_one_training_are_one_network(swept: SweptStore) -> None:
    output = NewOutput("model", keras_file(network_config()), "model", "application/x-keras", identity=MODEL)
    swept.commit("model", {"epochs": 3}, [output])
    (network,) = scan(swept).networks
    assert network.record is not None
    assert network.record.key == swept.record.key  # the one that has the name


def test_of_several_results_that_of_the_latest_sweep_counts(swept: SweptStore) -> None:
    first = swept.swept({"Conv2D_1": [0, 1]})
    second = swept.swept({"Conv2D_1": [0]}, seed=1)
    units = scan(swept).units(MODEL)["Conv2D_1"]
    assert (units[0].run, units[1].run) == (second.id, first.id)
    assert [one.settings["seed"] for one in (units[0].grown, *units[0].earlier) if one] == [1, 0]
    assert units[1].earlier == ()


def test_a_sweep_that_only_found_an_older_result_makes_it_the_latest(swept: SweptStore) -> None:
    first = swept.swept({"Conv2D_1": [0]})
    swept.swept({"Conv2D_1": [0]}, seed=1)
    old = swept.store.record(swept.store.run(first.id).units["Conv2D_1/0"].record)
    run = swept.store.open_run("oip-sweep", {})
    run.add("Conv2D_1/0", old, "reused")
    run.close("completed", {"layers": [["Conv2D_1", [0]]]})
    state = scan(swept).units(MODEL)["Conv2D_1"][0]
    assert state.grown is not None
    assert (state.grown.key, state.run) == (old.key, run.id)


def test_what_failed_or_was_left_is_known_until_it_is_made(swept: SweptStore) -> None:
    swept.swept({"Conv2D_1": [0]}, failures={"Conv2D_1/1": "no luck"}, left={"Conv2D_1": [2]})
    units = scan(swept).units(MODEL)["Conv2D_1"]
    assert [(units[index].state, units[index].failure) for index in range(3)] == [
        ("responded", None),
        ("failed", "no luck"),
        ("left", None),
    ]
    swept.swept({"Conv2D_1": [1, 2]})
    units = scan(swept).units(MODEL)["Conv2D_1"]
    assert [(state.state, state.failure) for state in units.values()] == [("responded", None)] * 3


def test_a_result_stays_beside_a_later_failure(swept: SweptStore) -> None:
    first = swept.swept({"Conv2D_1": [0]})
    swept.swept({"Conv2D_1": [1]}, failures={"Conv2D_1/0": "no memory"}, seed=1)
    state = scan(swept).units(MODEL)["Conv2D_1"][0]
    assert (state.state, state.failure, state.run) == ("responded", "no memory", first.id)


def test_a_sweep_that_did_not_end_shows_what_it_has(swept: SweptStore) -> None:
    run = swept.store.open_run("oip-sweep", {})
    swept.grow("Conv2D_1", 3, run)
    run.pin([])  # the run's record is written
    (sweep,) = scan(swept).sweeps
    assert (sweep.run.state, sweep.identity, sweep.wanted) == ("open", MODEL, {"Conv2D_1": (3,)})
    assert scan(swept).units(MODEL)["Conv2D_1"][3].state == "responded"


def test_a_result_that_no_run_names_any_more_is_shown(swept: SweptStore) -> None:
    run = swept.swept({"Conv2D_1": [0]})
    swept.store.delete_run(run.id)
    assert scan(swept).sweeps == []
    assert scan(swept).units(MODEL)["Conv2D_1"][0].state == "responded"


def test_a_sweep_of_a_checkpoint_is_none_of_the_network(tmp_path: Path) -> None:
    made = Synthetic(Store.open(tmp_path / "store"))
    made.model(MODEL, "one", epochs=3)
    made.sweep(epoch_identity(MODEL, 1), {"Conv2D_1": [0]}, name="one")
    found = scan(made)
    assert found.units(MODEL) == {}
    assert [epoch.number for epoch in found.epochs(found.networks[0])] == [1, 2, 3]
    assert list(found.units(found.epochs(found.networks[0])[0].identity)["Conv2D_1"]) == [0]
    assert [sweep.identity for sweep in found.sweeps] == [epoch_identity(MODEL, 1)]


def test_of_a_sweep_it_is_known_what_was_wanted_made_failed_and_left(swept: SweptStore) -> None:
    swept.swept({"Conv2D_1": [0]}, failures={"Conv2D_1/1": "no"}, left={"Conv2D_1": [2, 3]})
    (sweep,) = scan(swept).sweeps
    assert (list(sweep.made), dict(sweep.failed), sweep.left) == (
        [Unit("Conv2D_1", 0)],
        {Unit("Conv2D_1", 1): "no"},
        2,
    )


def test_lineage_leads_to_pages_and_counts_what_is_too_much_to_name(swept: SweptStore) -> None:
    swept.swept({"Conv2D_1": range(20)})
    found = scan(swept)
    unit = next(iter(found.grown.values()))
    assert [(entry["title"], entry["address"]) for entry in list_makers(found, found.record(unit.key))] == [
        ("trained network", f"{SLUG}/index.html"),
        ("data set digits", None),
    ]
    assert [entry["title"] for entry in list_users(found, swept.record)] == ["20 × OIPs of a unit"]
    assert list_users(found, unit) == []


def test_a_layer_that_reads_one_blob_for_many_units_is_a_reader_of_each_once(swept: SweptStore) -> None:
    alike = [NewOutput("oips", b"the same pixels", "oips", "application/x-npy")]
    made = [swept.commit("alike", {"index": index}, alike) for index in range(50)]
    inputs = [Input(f"Conv2D_1/{index}", one.output("oips").digest) for index, one in enumerate(made)]
    sheet = [NewOutput("sheet", b"a sheet", "sheet", "image/png", attributes={"layer": "Conv2D_1"})]
    layer = swept.commit("layer", {"layer": "Conv2D_1"}, sheet, recipe_inputs={"model": MODEL}, inputs=inputs)
    catalogue = scan(swept)
    assert len(catalogue.consumers(inputs[0].digest)) == len(made)
    assert [reader_keys(catalogue, one) for one in made] == [[layer.key]] * len(made)
