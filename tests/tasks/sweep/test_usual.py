"""What holds of a sweep for which nobody chose: its constraint, whether its images grow with a margin, their size."""

from pathlib import Path
from typing import Any

import pytest

from lib.network.pixels import PLAIN, Pixels
from lib.oips.style import STYLES
from storage.store import Store
from tasks.model.models import register_model
from tasks.model.stored import StoredModel
from tasks.session.session import Session
from tasks.sweep.usual import usual_constraint, usual_margin, usual_sizes
from tests.flows.tiny import saved, small_cnn
from tests.tasks.gallery.synthetic import Synthetic


@pytest.fixture
def registered(open_session: Session, store: Store, tmp_path: Path) -> StoredModel:
    """A model of a file, of which nothing is known."""
    record, _ = register_model(saved(small_cnn(), tmp_path / "net.keras"), None, open_session.run.id)
    return StoredModel(record, "model/net")


def swept(store: Store, identity: str, constraint: str, **parameters: Any) -> None:
    """A sweep of an earlier version, unless its parameters say otherwise."""
    _swept(store, identity, parameters, {"unit": "Conv2D_1/0", "constraint": constraint})


def swept_at(store: Store, identity: str, size: list[int] | None, unit: str = "Conv2D_1/0") -> None:
    """A sweep of a unit on images of a size, or of the network's own."""
    _swept(store, identity, {}, {"unit": unit, "size": size})


def _swept(store: Store, identity: str, parameters: dict[str, Any], grown: dict[str, Any]) -> None:
    run = store.open_run("oip-sweep", parameters)
    Synthetic(store).commit("oip", grown, [], recipe_inputs={"model": identity}, run=run, title=grown["unit"])
    run.close("completed", {})


def test_a_network_from_elsewhere_is_swept_in_the_box(store: Store, registered: StoredModel) -> None:
    assert usual_constraint(store, registered, PLAIN) == "box"
    swept(store, "another", "standardised")
    swept(store, registered.identity, "box")
    assert usual_constraint(store, registered, PLAIN) == "box"


def test_one_that_an_earlier_version_swept_standardised_stays_so(store: Store, registered: StoredModel) -> None:
    swept(store, registered.identity, "box")
    swept(store, registered.identity, "standardised")
    assert usual_constraint(store, registered, PLAIN) == "standardised"


def test_pictures_of_the_wrong_pixels_are_no_reason_to_stay(store: Store, registered: StoredModel) -> None:
    swept(store, registered.identity, "standardised")
    assert usual_constraint(store, registered, Pixels.parse("0..255")) == "box"


def test_what_somebody_chose_since_is_no_default(store: Store, registered: StoredModel) -> None:
    swept(store, registered.identity, "standardised", pixels=None)
    assert usual_constraint(store, registered, PLAIN) == "box"


def test_images_that_are_not_small_grow_with_a_margin_and_small_ones_without(
    store: Store, registered: StoredModel
) -> None:
    for style in STYLES:
        assert usual_margin(store, registered, style, small=False)
        assert not usual_margin(store, registered, style, small=True)


def test_what_an_earlier_version_swept_goes_on_without_a_margin_in_its_styles(
    store: Store, registered: StoredModel
) -> None:
    swept(store, registered.identity, "box", pixels=None, judge=None)
    assert usual_margin(store, registered, "strong", small=False)
    swept(store, "another", "box", pixels=None)
    assert usual_margin(store, registered, "strong", small=False)
    swept(store, registered.identity, "box", pixels=None)
    assert not usual_margin(store, registered, "strong", small=False)
    assert not usual_margin(store, registered, "clean", small=False)
    assert usual_margin(store, registered, "natural", small=False)


SMALLER = {"Conv2D_1": (128, 128), "Conv2D_2": (128, 128)}
"""Of a network whose dense layer has none."""


def test_images_of_convolutions_are_smaller_where_nothing_was_swept_before(
    store: Store, registered: StoredModel
) -> None:
    assert usual_sizes(store, registered, SMALLER) == SMALLER
    swept_at(store, "another", None)
    assert usual_sizes(store, registered, SMALLER) == SMALLER


def test_a_network_that_an_earlier_version_swept_goes_on_at_its_own_size(store: Store, registered: StoredModel) -> None:
    swept_at(store, registered.identity, None, "Conv2D_2/5")
    assert usual_sizes(store, registered, SMALLER) == {}


def test_what_a_sweep_does_now_changes_the_size_of_none_that_follows(store: Store, registered: StoredModel) -> None:
    swept_at(store, registered.identity, [128, 128])
    swept_at(store, registered.identity, None, "dense/3")  # which has no smaller images
    swept_at(store, registered.identity, [224, 224])  # as somebody asked for
    assert usual_sizes(store, registered, SMALLER) == SMALLER
