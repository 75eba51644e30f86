"""Setting aside what was found changed."""

from storage.document import digest_of
from storage.mishaps.quarantine import Quarantine
from storage.names import blob_path
from storage.store import Store


def _check(data: bytes) -> None:
    if data != b"pixels":
        raise ValueError("changed")


def test_what_was_changed_is_moved_with_its_bytes_and_what_is_whole_stays(any_store: Store) -> None:
    path = blob_path(any_store.put(b"pixels"))
    quarantine = Quarantine(any_store.files)
    quarantine.put("whole", path, _check)
    assert (quarantine.moved, any_store.files.exists(path)) == (False, True)
    any_store.files.write(path, b"piXels")
    quarantine.put(digest_of(b"pixels"), path, _check)
    assert (quarantine.moved, any_store.files.exists(path)) == (True, False)
    assert any_store.files.read(f"{quarantine.folder}/{path}") == b"piXels"
    quarantine.put("gone", path, _check)
    assert quarantine.names == [digest_of(b"pixels")]
