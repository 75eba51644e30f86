"""How many requests a store on S3 takes: one for each small thing, and none for what is known."""

import secrets
from collections.abc import Callable, Iterator

import pytest

from storage.recipe import Recipe
from storage.store import Store
from tests.storage.conftest import Commit
from tests.storage.weather import Weather, weather_before_s3


@pytest.fixture(scope="module")
def proxy(s3: str) -> Iterator[Weather]:
    """Counts what the bucket's server is asked, in good weather."""
    with weather_before_s3() as weather:
        yield weather


@pytest.fixture
def place(s3: str) -> str:
    """Of a store that nobody has asked yet."""
    return f"{s3}/{secrets.token_hex(6)}"


@pytest.fixture
def asked(proxy: Weather) -> Callable[[], list[str]]:
    """The methods of the requests since it was called last."""

    def since() -> list[str]:
        found = [one.method for one in proxy.asked]
        proxy.asked.clear()
        return found

    return since


def test_a_small_file_is_read_by_one_request(asked: Callable[[], list[str]], place: str, committing: Commit) -> None:
    store = Store.open(place)
    record = committing(store, outputs={"oips": b"pixels"})
    asked()
    assert store.get(record.outputs[0].digest) == b"pixels"
    assert asked() == ["GET"]
    assert store.record(record.key) == record
    assert asked() == ["GET"]
    more = [committing(store, parameters={"n": number}, outputs={"oips": b"%d" % number}) for number in range(5)]
    asked()
    assert list(store.read_records(one.key for one in more)) == more
    assert asked() == ["GET"] * 5


def test_a_recipe_is_looked_up_by_one_request_and_two_more_where_it_is_found(
    asked: Callable[[], list[str]], place: str, committing: Commit
) -> None:
    store = Store.open(place)
    record = committing(store, outputs={"oips": b"pixels"})
    lookup = store.lookup()
    asked()
    assert lookup.find(Recipe("oip", 1, {"n": 1}, {}), changes=None) is None
    assert asked() == ["GET"]
    assert lookup.find(Recipe("oip", 1, {}, {}), changes=None) == record
    assert asked() == ["GET", "GET", "HEAD"]


def test_a_commit_is_a_request_for_each_output_one_for_the_record_and_one_for_collections_meanwhile(
    asked: Callable[[], list[str]], place: str, committing: Commit
) -> None:
    store = Store.open(place)
    committing(store, outputs={"oips": b"pixels", "picture": b"png"})
    asked()
    committing(store, parameters={"n": 1}, outputs={"oips": b"more pixels", "picture": b"another png"})
    environment = 1  # which a session puts once, and this puts each time
    assert sorted(asked()) == ["GET"] + ["PUT"] * (3 + environment)


def test_the_first_commit_of_a_process_asks_for_no_blob_whether_it_is_there(
    asked: Callable[[], list[str]], place: str, committing: Commit
) -> None:
    committing(Store.open(place))
    store = Store.open(place)
    asked()
    committing(store, parameters={"n": 1}, outputs={"oips": b"pixels", "picture": b"png"})
    environment = 1
    assert sorted(asked()) == ["GET"] * 2 + ["PUT"] * (3 + environment)


def test_the_index_is_brought_up_to_date_without_asking_for_records_that_were_read_here(
    asked: Callable[[], list[str]], place: str, committing: Commit
) -> None:
    store = Store.open(place)
    records = [committing(store, parameters={"n": number}) for number in range(4)]
    list(store.read_records(record.key for record in records[:3]))
    (store.files.local / "index.sqlite").unlink()
    other = Store.open(place)
    asked()
    assert set(other.questions().keys()) == {record.key for record in records}
    assert asked() == ["GET", "GET"]  # what there is; and the one record
