"""A layer's contact sheet and HDF5 file, gathered from its maps' records."""

from collections.abc import Callable, Sequence
from typing import Any

import h5py
import numpy as np
import pytest

from lib.network.units import Unit
from storage.store import Store
from tasks.session.session import Session
from tasks.session.tally import Tally
from tasks.sweep.context import SweepContext
from tasks.sweep.layers import gather_layer
from tasks.sweep.oips import make_oips, oip_recipe

INDICES = (0, 1, 2, 3)


@pytest.fixture
def swept(sweep_context_in: Callable[..., SweepContext], open_session: Session) -> tuple[SweepContext, dict[int, str]]:
    """The keys of the first layer's maps, but for one."""
    context = sweep_context_in(open_session)
    run = open_session.run.id
    make_oips.fn("Conv2D_1", [f"Conv2D_1/{index}" for index in INDICES if index != 2], run)
    return context, {Unit.parse(unit).index: key for unit, key in context.tally.made.items()}


def gathered(
    store: Store, keys: dict[int, str], context: SweepContext, *, failed: Sequence[int] = (2,), large: bool = False
) -> Any:
    context.tally = Tally()
    for index, key in keys.items():
        context.tally.add(f"Conv2D_1/{index}", key, reused=False)
    return store.record(gather_layer.fn("Conv2D_1", INDICES, failed, large, context.session.run.id).data)


def test_the_tensors_of_a_layer_are_those_of_its_maps(
    swept: tuple[SweepContext, dict[int, str]], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, keys = swept
    record = gathered(store, keys, context)
    with h5py.File(store.path(record.output("tensors").digest)) as file:
        assert file["unit"][()].tolist() == list(INDICES)
        assert file["mask"][()].tolist() == [True, True, False, True]
        assert file["verdict"][2] == b"failed"
        assert file["exemplars"][2].tolist() == [-1] * 9
        assert file.attrs["layer"] == "Conv2D_1"
        for index, key in keys.items():
            output = store.record(key).output("oips")
            about: Any = output.attributes
            images = store.array(output.digest)
            count = int(file["count"][index])
            assert count == len(images) == len(about["oips"])
            np.testing.assert_array_equal(file["oips"][index, :count], images)
            assert file["verdict"][index].decode() == about["verdict"]
            assert file["seed"][index, :count].tolist() == [oip["seed"] for oip in about["oips"]]
            for name in ("response", "pre_activation"):
                np.testing.assert_array_equal(
                    file[name][index, :count], np.float32([oip[name] for oip in about["oips"]])
                )
            np.testing.assert_array_equal(file["curve"][index, 0], np.float32(about["oips"][0]["curve"]))
            assert file["exemplars"][index].tolist() == about["exemplars"]
    assert {item.role for item in record.inputs} >= {"model", "train_imgs", *(f"Conv2D_1/{index}" for index in keys)}

    # above the limit only when they are asked for; the contact sheet all the same
    monkeypatch.setattr("tasks.sweep.layers.LARGEST", 1000)
    small = gathered(store, keys, context)
    assert {output.role for output in small.outputs} == {"sheet"}
    assert small.output("sheet").digest == record.output("sheet").digest
    assert gathered(store, keys, context, large=True).key == record.key


def test_a_layer_is_gathered_again_when_its_maps_or_their_version_change(
    swept: tuple[SweepContext, dict[int, str]], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, keys = swept
    first = gathered(store, keys, context)
    assert gathered(store, keys, context).key == first.key
    fewer = {index: key for index, key in keys.items() if index != 3}
    assert gathered(store, fewer, context).key != first.key
    assert gathered(store, keys, context, failed=()).key != first.key  # what is left is not what failed
    monkeypatch.setattr("tasks.sweep.layers.OIPS_VERSION", 1000)
    assert gathered(store, keys, context).key != first.key


def test_a_new_way_to_find_exemplars_asks_for_new_verdicts(
    sweep_context_in: Callable[..., SweepContext], open_session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, unit = sweep_context_in(open_session), Unit("Conv2D_1", 0)
    before = oip_recipe(context, unit).digest
    assert oip_recipe(context, unit).digest == before
    monkeypatch.setattr("tasks.sweep.exemplars.VERSION", 1000)
    assert oip_recipe(context, unit).digest != before


def test_nothing_is_gathered_where_every_map_failed(
    sweep_context_in: Callable[..., SweepContext], open_session: Session, store: Store
) -> None:
    record = gathered(store, {}, sweep_context_in(open_session), failed=INDICES)
    with h5py.File(store.path(record.output("tensors").digest)) as file:
        assert not file["mask"][()].any()
        assert {name.decode() for name in file["verdict"]} == {"failed"}
    assert store.get(record.output("sheet").digest).startswith(b"\x89PNG")
