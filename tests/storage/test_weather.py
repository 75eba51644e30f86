"""A store on a server that fails for a while: it is asked again, and whoever waits is told."""

import secrets
import threading
import time
from collections.abc import Iterator

import pytest

from lib import stop
from storage.document import digest_of
from storage.errors import BlobCorrupt, StoreUnusable
from storage.mishaps import patience
from storage.mishaps.patience import in_company, patient_for
from storage.names import blob_path
from storage.store import Store
from tests.storage.conftest import Commit
from tests.storage.weather import Kind, Weather, weather_before_s3

ASKED_BY_AIOHTTP = 2
"""Times, where a connection that was used before turns out to be closed."""


@pytest.fixture(scope="module")
def proxy(s3: str) -> Iterator[Weather]:
    """The bucket's server, behind a proxy: stores that are opened from now on ask that."""
    with weather_before_s3() as weather:
        yield weather


@pytest.fixture
def weather(proxy: Weather, monkeypatch: pytest.MonkeyPatch) -> Iterator[Weather]:
    """Good weather, in which nobody waits for long."""
    proxy.clears()
    monkeypatch.setattr(patience, "_PAUSES", (0.02, 0.2))
    monkeypatch.setattr(patience, "SAID_AFTER", 0.5)
    monkeypatch.setattr("storage.remote_files.READ_SECONDS", 0.5)
    monkeypatch.setattr("storage.remote_files.SENDING_SECONDS", 1.0)
    yield proxy
    proxy.clears()


@pytest.fixture
def place(s3: str) -> str:
    """Of a store that nobody has asked yet."""
    return f"{s3}/{secrets.token_hex(6)}"


@pytest.mark.parametrize("kind", ["503", "reset", "hang", "cut"])
def test_what_a_server_refuses_for_a_while_is_asked_again_whatever_it_is(
    weather: Weather, place: str, committing: Commit, kind: Kind
) -> None:
    store = Store.open(place)
    record = committing(store, outputs={"oips": b"pixels" * 100})
    digest = record.outputs[0].digest
    asks = {
        "reading": lambda: store.get(digest) == b"pixels" * 100,
        "writing": lambda: store.put(b"more") == digest_of(b"more"),
        "listing": lambda: store.listing().find(_recipe(), changes=None) == record,
        "records": lambda: [one.key for one in store.records()] == [record.key],
        "moving": lambda: store.blobs.set_aside(digest_of(b"more")) is None,
    }
    for name, ask in asks.items():
        weather.turns(kind, times=2)
        assert ask(), name
        if kind != "cut" or name in ("reading", "listing", "records"):
            assert weather.harmed, name


def _recipe():
    from storage.recipe import Recipe

    return Recipe("oip", 1, {}, {})


def test_a_body_that_is_changed_on_its_way_is_read_again_and_one_that_is_changed_where_it_lies_is_not_used(
    weather: Weather, place: str, committing: Commit
) -> None:
    store = Store.open(place)
    record = committing(store, outputs={"oips": b"pixels" * 100})
    weather.turns("flip", times=1, methods="GET")
    assert store.get(record.outputs[0].digest) == b"pixels" * 100
    weather.turns("flip", times=1, methods="GET")
    assert store.record(record.key) == record
    assert len(weather.harmed) == 1
    weather.clears()
    path = blob_path(record.outputs[0].digest)
    store.files.write(path, b"piXels" * 100)
    with pytest.raises(BlobCorrupt):
        store.get(record.outputs[0].digest)
    assert store.blobs.set_aside(record.outputs[0].digest) is not None
    assert not store.files.exists(path)


def test_who_waits_is_told_once_and_when_it_is_over(weather: Weather, place: str) -> None:
    store = Store.open(place)
    said: list[str] = []
    weather.turns("503", seconds=2)
    with in_company(said.append):
        threads = [threading.Thread(target=store.put, args=(bytes([number]),)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(said) == 2, said
    assert said[0].startswith(
        f"waiting for the store {place}, which cannot be used at the moment (Please reduce your request rate."
    )
    assert said[1].startswith(f"the store {place} can be used again, after ")


def test_a_server_that_does_not_come_back_is_given_up_and_then_asked_no_more_for_long(
    weather: Weather, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store.open(place)
    monkeypatch.setattr(patience, "SECONDS", 1.0)
    weather.turns("reset")
    with pytest.raises(StoreUnusable, match=f"the store {place} cannot be used"):
        store.put(b"pixels")
    assert len(weather.harmed) > 3
    monkeypatch.setattr(patience, "SECONDS", 100.0)
    monkeypatch.setattr(patience, "FIRST_SECONDS", 0.0)
    weather.turns("reset")
    with pytest.raises(StoreUnusable):
        store.put(b"pixels")
    assert len(weather.harmed) <= ASKED_BY_AIOHTTP


def test_a_run_says_for_how_long_a_store_is_waited_for_and_so_does_the_reason_why_it_ends(
    weather: Weather, place: str
) -> None:
    store = Store.open(place)
    said: list[str] = []
    weather.turns("reset")
    with in_company(said.append), patient_for(2.0):
        begun = time.monotonic()
        with pytest.raises(
            StoreUnusable, match=rf"the store {place} cannot be used \(.+, after \d s of waiting\): check"
        ):
            store.put(b"pixels")
        assert 1 < time.monotonic() - begun < 10
        with pytest.raises(StoreUnusable, match=r", after \d s of waiting\): check"):  # at once, and as before
            store.put(b"pixels")
    assert [line for line in said if line.endswith("up to now, 2 s at most")] == said[:1]
    weather.clears()
    store.put(b"pixels")
    said.clear()
    weather.turns("reset", seconds=1.5)
    with in_company(said.append), patient_for(3600.0):
        store.put(b"pixels")
    assert said[0].endswith("up to now, 60 minutes at most")


def test_nothing_is_waited_for_when_the_time_of_a_run_is_over(weather: Weather, place: str) -> None:
    store = Store.open(place)
    weather.turns("503")
    with patient_for(3600.0, left=1.0), pytest.raises(StoreUnusable, match="s of waiting"):
        store.put(b"pixels")
    weather.clears()
    store.put(b"pixels")
    weather.turns("reset")
    with patient_for(3600.0, left=-1.0), pytest.raises(StoreUnusable):
        store.put(b"pixels")
    assert len(weather.harmed) <= ASKED_BY_AIOHTTP


def test_a_store_that_never_answered_is_given_up_at_once(
    weather: Weather, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "FIRST_SECONDS", 0.0)
    monkeypatch.setattr("storage.remote_files.FIRST_SECONDS", 0.3)
    for kind in ("reset", "hang"):
        weather.turns(kind)
        with pytest.raises(StoreUnusable, match=f"the store {place} cannot be used"):
            Store.open(place)
        assert len(weather.harmed) <= ASKED_BY_AIOHTTP


def test_a_wait_ends_when_the_process_is_told_to_stop(weather: Weather, place: str) -> None:
    store = Store.open(place)
    weather.turns("503")
    ended: list[BaseException] = []

    def wait() -> None:
        try:
            store.put(b"pixels")
        except BaseException as error:
            ended.append(error)

    with in_company(lambda _: None, stop.look):
        waiting = threading.Thread(target=wait)
        waiting.start()
        time.sleep(0.5)
        stop.tell()
        try:
            waiting.join()
        finally:
            stop.forget()
    assert [type(error) for error in ended] == [stop.Stopped]
