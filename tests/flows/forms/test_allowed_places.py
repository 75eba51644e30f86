"""Flow runs of `dreamsweep up` use the places that the operator allows, and no others, however they are written."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from flows.forms.allowed_places import check, refusal
from flows.forms.parameters import (
    AnalyseParameters,
    Dreaming,
    DreamParameters,
    NightlyParameters,
    RegisterParameters,
    SweepParameters,
    TrainParameters,
)
from lib.errors import BadInput
from tests.flows.tiny import write_photograph

Allow = Callable[..., None]


@pytest.fixture
def inside(tmp_path: Path) -> Path:
    """A folder that is allowed; `outside`, beside it, is not."""
    (tmp_path / "inside" / "deep").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "model").write_bytes(b"")
    return tmp_path / "inside"


@pytest.fixture
def allow(inside: Path, monkeypatch: pytest.MonkeyPatch) -> Allow:
    """Allow the folder `inside`, which is the store, and whatever else is given; DREAMSWEEP_MNIST is no part."""
    monkeypatch.delenv("DREAMSWEEP_MNIST", raising=False)
    monkeypatch.setenv("DREAMSWEEP_STORE", str(inside))

    def allow(*others: object) -> None:
        roots = [str(inside), *map(str, others)]
        monkeypatch.setenv("DREAMSWEEP_ALLOWED_ROOTS", json.dumps(roots))

    allow()
    return allow


def sweep(inside: Path, **given: Any) -> SweepParameters:
    return SweepParameters(**({"store": str(inside)} | given))


def test_where_nothing_is_said_every_place_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DREAMSWEEP_ALLOWED_ROOTS", raising=False)
    check(SweepParameters(store="/", data="folder:/etc", data_dir=Path("/root"), model="/etc/model.keras"))


def test_what_lies_within_is_allowed_and_what_names_no_place_is_none(inside: Path, allow: Allow) -> None:
    check(sweep(inside))
    check(sweep(inside, store=f"{inside}/deep/..", model=f"{inside}/m.keras", data=f"folder:{inside}/p"))
    check(sweep(inside, store=f"file://{inside}/", data_dir=inside / "mnist"))
    check(sweep(inside, model="model/latest", data="mnist", layers=["/etc/*"]))
    check(TrainParameters(store=str(inside), data="digits"))
    check(NightlyParameters(store=str(inside)))


@pytest.mark.parametrize(
    "given",
    [
        {"store": "{outside}"},
        {"store": "{inside}-other"},
        {"store": "{inside}/../outside"},
        {"store": "{inside}/link"},
        {"store": "{inside}/link/deeper/still"},
        {"store": "{inside}/dangling"},
        {"store": "{inside}/loop"},
        {"store": "file://{outside}"},
        {"store": "file://{inside}/../outside"},
        {"store": "local://{inside}"},
        {"store": "simplecache::file://{outside}"},
        {"store": "simplecache::file://{inside}"},
        {"store": "memory://store"},
        {"store": "s3://bucket/store"},
        {"store": "~/somewhere"},
        {"store": ".."},
        {"data": "folder:{outside}"},
        {"data": "folder:{inside}/../outside"},
        {"data": "folder:{inside}/link"},
        {"data": "folder:~"},
        {"data": "{outside}/arrays.npz"},
        {"data": "{inside}/link/arrays.H5"},
        {"data_dir": "{outside}"},
        {"data_dir": "{inside}/link"},
        {"model": "{outside}/model.keras"},
        {"model": "{outside}/model.h5"},
        {"model": "{outside}/model"},
        {"model": "file://{outside}/model.keras"},
        {"model": "~/model.keras"},
    ],
    ids=lambda given: " ".join(f"{name}={place}" for name, place in given.items()),
)
def test_what_lies_outside_is_refused_by_its_field(inside: Path, allow: Allow, given: dict[str, str]) -> None:
    outside = inside.parent / "outside"
    (inside / "link").symlink_to(outside)
    (inside / "dangling").symlink_to(outside / "nothing yet")
    (inside / "loop").symlink_to(inside / "loop")
    places = {name: place.format(inside=inside, outside=outside) for name, place in given.items()}
    (field,) = given
    with pytest.raises(BadInput) as refused:
        check(sweep(inside, **places))
    assert "\n" not in str(refused.value)
    assert f"{field} is" in str(refused.value) or "no usable path" in str(refused.value)


@pytest.mark.parametrize("within", ["dream", "nightly"])
@pytest.mark.parametrize(
    "given",
    [
        {"pictures": ["{inside}", "{outside}"]},
        {"pictures": ["{inside}/../outside/rose.png"]},
        {"pictures": ["{inside}/%2e%2e/outside/rose.png"]},
        {"pictures": ["{inside}/link"]},
        {"pictures": ["~"]},
        {"guide": "{outside}/guide.png"},
        {"guide": "{inside}/link/guide.png"},
        {"guide": "{inside}/%2E./outside/guide.png"},
        {"mask": "{outside}"},
        {"mask": "~/mask.png"},
        {"out": "{outside}"},
        {"out": "{inside}/link/deeper"},
        {"out": "{inside}/dangling"},
    ],
    ids=lambda given: " ".join(f"{name}={place}" for name, place in given.items()),
)
def test_dreams_use_what_is_allowed_and_nothing_else(
    inside: Path, allow: Allow, given: dict[str, Any], within: str
) -> None:
    outside = inside.parent / "outside"
    (inside / "link").symlink_to(outside)
    (inside / "dangling").symlink_to(outside / "nothing yet")

    def parameters(**places: Any) -> BaseModel:
        fine = {"pictures": [str(inside)], "guide": inside / "guide.png", "mask": inside, "out": inside / "dreams"}
        dreams = Dreaming(**(fine | places))
        if within == "nightly":
            return NightlyParameters(store=str(inside), dreams=dreams)
        return DreamParameters(store=str(inside), **{name: getattr(dreams, name) for name in Dreaming.model_fields})

    check(parameters())
    ((field, named),) = given.items()
    places = [named] if isinstance(named, str) else named
    filled = [place.format(inside=inside, outside=outside) for place in places]
    with pytest.raises(BadInput, match=f"{field} is .*outside of what may be used here") as refused:
        check(parameters(**{field: filled[0] if isinstance(named, str) else filled}))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("place", ["{outside}/rose.png", "{inside}/link/rose.png", "{inside}/../outside/rose.png"])
def test_images_to_look_at_are_within_what_is_allowed(inside: Path, allow: Allow, place: str) -> None:
    outside = inside.parent / "outside"
    (inside / "link").symlink_to(outside)
    (inside / "rose.png").write_bytes(b"")
    asked = {"store": str(inside), "data_dir": None}
    check(AnalyseParameters(**asked, images=["test/3", str(inside / "rose.png")]))
    with pytest.raises(BadInput, match=r"images is .*outside of what may be used here"):
        check(AnalyseParameters(**asked, images=["test/3", place.format(inside=inside, outside=outside)]))


def test_where_a_link_in_a_folder_leads_is_what_counts(inside: Path, allow: Allow) -> None:
    for name, target in (("a", "outside/model"), ("b", "inside/deep"), ("c", "inside/a"), ("d", "inside/d")):
        (inside / name).symlink_to(inside.parent / target)
    refused = {name: refusal(str(inside / name)) for name in "abc"}
    assert {name for name, why in refused.items() if why is not None} == {"a", "c"}
    assert str(refused["a"]).startswith("outside of what may be used here: ")
    with pytest.raises(BadInput, match="no usable path"):
        refusal(str(inside / "d"))


def test_a_link_to_a_place_that_is_allowed_is_allowed(inside: Path, allow: Allow, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(inside)
    check(sweep(inside, store=str(tmp_path / "link"), data=f"folder:{tmp_path}/link/deep"))
    allow(tmp_path / "link to outside")
    (tmp_path / "link to outside").symlink_to(tmp_path / "outside")
    check(sweep(inside, data=f"folder:{tmp_path}/outside"))


def test_a_url_allows_what_is_below_it_and_nothing_beside_it(inside: Path, allow: Allow) -> None:
    allow("s3://bucket/store", "s3://other/")
    for place in ("s3://bucket/store", "s3://bucket/store/", "s3://bucket/store/sub", "s3://other/any"):
        assert refusal(place) is None
    for store in (
        "s3://bucket/store2",
        "s3://bucket",
        "s3://bucket/store/../private",
        "s3://bucket/store/%2e%2e/private",
        "s3://bucket/store/x.zip::file:///etc",
        "zip://x::s3://bucket/store",
        "gs://bucket/store",
        "s3://others/any",
    ):
        with pytest.raises(BadInput, match="store is"):
            check(sweep(inside, store=store))


def test_places_within_parameters_of_parameters_are_seen_as_well(inside: Path, allow: Allow) -> None:
    class Outer(BaseModel):
        inner: RegisterParameters

    check(Outer(inner=RegisterParameters(store=str(inside), file=inside / "m.keras")))
    with pytest.raises(BadInput, match=r"file is /etc/m\.keras"):
        check(Outer(inner=RegisterParameters(store=str(inside), file=Path("/etc/m.keras"))))


def test_a_relative_place_is_taken_from_where_the_process_is(
    inside: Path, allow: Allow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(inside.parent)
    check(sweep(inside, store="inside", data="folder:inside/pictures"))
    monkeypatch.chdir(os.sep)
    with pytest.raises(BadInput, match="store is inside"):
        check(sweep(inside, store="inside"))


def test_a_store_that_is_not_the_one_served_is_refused_with_that_reason_and_the_one_served_is_not(
    inside: Path, allow: Allow, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = inside / "deep" / "other"
    with pytest.raises(BadInput) as refused:
        check(sweep(inside, store=str(other)))
    assert str(refused.value) == (
        f"store is {other}, and what runs flows here was started for {inside}: leave store out, or serve that one with "
        f"dreamsweep up --store {other}"
    )
    check(SweepParameters())
    outside = inside.parent / "outside"  # to allow it would not help
    with pytest.raises(BadInput, match=f"store is {outside}, and what runs flows here was started for {inside}:"):
        check(sweep(inside, store=str(outside)))
    monkeypatch.setenv("DREAMSWEEP_STORE", "s3://me:secret@bucket/store")
    check(sweep(inside, store="s3://bucket/store/"))  # as it is recorded
    with pytest.raises(BadInput, match="started for s3://bucket/store:") as refused:
        check(sweep(inside, store="s3://bucket/other"))
    assert "secret" not in str(refused.value)
    monkeypatch.delenv("DREAMSWEEP_ALLOWED_ROOTS")  # a command of a user's own
    check(sweep(inside, store=str(other)))


def test_another_folder_of_idx_files_than_that_of_up_is_refused_with_that_reason(
    inside: Path, allow: Allow, monkeypatch: pytest.MonkeyPatch
) -> None:
    check(sweep(inside, data_dir=inside / "mnist"))  # `up` was started with none
    monkeypatch.setenv("DREAMSWEEP_MNIST", str(inside / "deep"))
    check(sweep(inside))
    check(sweep(inside, data_dir=inside / "link" / ".." / "deep"))
    with pytest.raises(BadInput) as refused:
        check(sweep(inside, data_dir=inside / "mnist"))
    assert str(refused.value) == (
        f"data_dir is {inside}/mnist, and what runs flows here was started for {inside}/deep: leave data_dir out, or "
        f"serve that one with dreamsweep up --data-dir {inside}/mnist"
    )
    monkeypatch.delenv("DREAMSWEEP_ALLOWED_ROOTS")
    check(sweep(inside, data_dir=inside / "mnist"))


def test_where_nothing_will_be_dreamed_the_folder_of_dreams_may_lie_anywhere(
    inside: Path, allow: Allow, monkeypatch: pytest.MonkeyPatch
) -> None:
    (inside / "dreams").symlink_to(inside.parent / "outside")
    monkeypatch.setattr("flows.forms.parameters.DREAMS", inside / "dreams")
    monkeypatch.setattr("flows.forms.parameters.ORIGINALS", inside / "originals")
    check(NightlyParameters(store=str(inside)))
    (inside / "originals").mkdir()
    check(NightlyParameters(store=str(inside)))
    write_photograph(inside / "originals" / "rose.png", 5)
    with pytest.raises(BadInput, match=r"out is .*outside of what may be used here"):
        check(NightlyParameters(store=str(inside)))
