"""Where things are is told by the place, however it is written."""

from pathlib import Path

import pytest

from flows.forms.places import gallery_folder, gallery_of, is_same_place


def test_runs_in_the_usual_store_keep_one_gallery_however_the_store_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "store"
    store.mkdir()
    (tmp_path / "link").symlink_to(store)
    monkeypatch.setenv("DREAMSWEEP_STORE", str(store))
    written = (str(store), f"file://{store}", f"{store}/", f"{tmp_path}/link")
    assert {gallery_of(place) for place in written} == {gallery_folder(str(store))}
    assert gallery_of(str(tmp_path)) is None
    monkeypatch.setenv("DREAMSWEEP_STORE", "s3://me:secret@bucket/store")
    assert gallery_of("s3://bucket/store/") == gallery_folder("s3://me:secret@bucket/store")


def test_a_place_that_is_no_path_is_no_other_place() -> None:
    assert not is_same_place("~nobody-here/store", "/store")
