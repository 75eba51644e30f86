"""What a sweep found out about a unit, read from a store of earlier code."""

import shutil
from pathlib import Path

import numpy as np
import pytest

import dreamsweep

DEFAULTS, BOX, PEAKS = "20261128-064935-7df015", "20261128-065038-6b359c", "20261128-065146-e617a1"


def test_oips_are_what_the_stored_array_holds_and_may_be_changed(store: dreamsweep.Store) -> None:
    unit = dreamsweep.find_unit(store, "Conv2D_2/3", DEFAULTS)
    stored = store.array(unit.record.output("oips").digest)
    oips = unit.oips
    np.testing.assert_array_equal(oips, stored)
    oips[:] = 0  # a copy: the store's own bytes stay
    np.testing.assert_array_equal(unit.oips, stored)
    assert oips.dtype == np.float32


def test_there_is_a_response_and_a_picture_for_each_oip(store: dreamsweep.Store) -> None:
    for unit in dreamsweep.list_units(store, DEFAULTS):
        count, height, width, _ = unit.oips.shape
        assert len(unit.responses) == len(unit.images) == count
        assert {image.size for image in unit.images} == {(width, height)}
        assert all(np.asarray(image).std() > 1 for image in unit.images)
        assert unit.responses[0] == np.float32(unit.attributes["response"])


def test_the_picture_is_the_stored_one_and_what_a_notebook_shows(store: dreamsweep.Store) -> None:
    unit = dreamsweep.find_unit(store, "Conv2D_2/3", DEFAULTS)
    data = store.get(unit.record.output("picture").digest)
    assert unit._repr_png_() == data
    assert unit.picture.format == "PNG"
    assert repr(unit) == f"<unit Conv2D_2/3: responded, response {unit.responses[0]:.4g}>"


def test_whether_any_image_makes_a_unit_respond_is_told_of_records_that_do_not_say_it(store: dreamsweep.Store) -> None:
    units = dreamsweep.list_units(store, DEFAULTS)
    assert not any("on_data" in unit.record.output("oips").attributes for unit in units)
    for unit in units:
        assert unit.exemplars is not None
        assert unit.on_data == ("active" if unit.exemplars.responses[0] > 0 else "never")


def test_of_pictures_that_were_never_measured_no_measure_is_told(store: dreamsweep.Store) -> None:
    assert dreamsweep.find_unit(store, "Conv2D_2/3", DEFAULTS).measures == {}


def test_exemplars_are_images_of_the_data_set_with_their_classes(store: dreamsweep.Store) -> None:
    unit = dreamsweep.find_unit(store, "Conv2D_2/3", DEFAULTS)
    exemplars = unit.exemplars
    assert exemplars is not None
    data = next(record for record in store.records() if record.task == "data" and "small" in str(record.parameters))
    images, labels = (store.array(data.output(role).digest) for role in ("train_imgs", "train_labels"))
    np.testing.assert_array_equal(exemplars.images, images[exemplars.numbers])
    classes = data.parameters["classes"]
    assert isinstance(classes, list)
    assert list(exemplars.labels) == [classes[label] for label in labels[exemplars.numbers]]
    assert list(exemplars.responses) == sorted(exemplars.responses, reverse=True)
    for image, picture in zip(exemplars.images, exemplars.pictures, strict=True):
        np.testing.assert_allclose(np.asarray(picture)[..., None] / 255, image, atol=0.5 / 255)
    ratio = unit.responses[0] / exemplars.responses[0]
    assert unit.response_ratio == pytest.approx(ratio, rel=1e-5)


def test_units_are_listed_in_the_order_of_the_network(store: dreamsweep.Store) -> None:
    names = [unit.name for unit in dreamsweep.list_units(store, BOX)]
    assert names == ["Conv2D_2/0", "Conv2D_2/1", "classes/1"]


def test_the_latest_sweep_is_listed_by_default(store: dreamsweep.Store) -> None:
    run = store.run(store.ref("sweep/latest").removeprefix("run:"))
    assert {unit.record.key for unit in dreamsweep.list_units(store)} == {
        result.record for result in run.units.values() if result.kind == "oip"
    }


def test_a_run_names_whose_unit_is_meant(store: dreamsweep.Store) -> None:
    units = [dreamsweep.find_unit(store, "Conv2D_1/0", run) for run in (DEFAULTS, PEAKS)]
    assert [unit.settings["shared_starts"] for unit in units] == [False, True]
    assert [unit.style for unit in units] == ["strong", "strong"]  # of a version whose recipes named none
    assert "unit" not in units[0].settings
    assert (units[0].layer, units[0].index) == ("Conv2D_1", 0)


def test_under_box_oips_are_shown_in_the_range_of_the_pixels(store: dreamsweep.Store) -> None:
    unit = dreamsweep.find_unit(store, "Conv2D_2/0", BOX)
    assert unit.constraint == "box"
    assert unit.style == "clean"
    assert unit.oips.min() >= 0
    assert unit.oips.max() <= 1


@pytest.mark.parametrize("name", ["model/small-f9494d33", DEFAULTS])
def test_what_is_no_unit_is_refused(store: dreamsweep.Store, name: str) -> None:
    with pytest.raises(dreamsweep.StoreError, match="names no unit"):
        dreamsweep.find_unit(store, name)


def test_what_is_no_run_has_no_units(store: dreamsweep.Store) -> None:
    with pytest.raises(dreamsweep.StoreError, match="is no run"):
        dreamsweep.list_units(store, "model/small-f9494d33")


def test_a_damaged_array_is_never_handed_out(old_store: Path, tmp_path: Path) -> None:
    shutil.copytree(old_store, tmp_path / "store")
    store = dreamsweep.open_store(tmp_path / "store")
    unit = dreamsweep.find_unit(store, "Conv2D_2/3", DEFAULTS)
    path = store.path(unit.record.output("oips").digest)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-4] + b"\0\0\0\1")
    with pytest.raises(dreamsweep.StoreError):
        _ = dreamsweep.find_unit(dreamsweep.open_store(tmp_path / "store"), "Conv2D_2/3", DEFAULTS).oips
