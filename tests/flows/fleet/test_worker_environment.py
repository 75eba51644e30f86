"""What a worker needs before it starts, and what its shards are told."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.fleet.settings import CLIENT_SETTINGS
from flows.fleet.worker_environment import usable_store, worker_environment
from flows.forms import allowed_places
from flows.forms.places import DATA_FOLDER
from lib.errors import BadInput
from storage.errors import StoreUnusable
from storage.store import Store

CLI = Callable[..., tuple[int, str, str]]


@pytest.mark.parametrize("place", ["store", "./store", "file://store"])
def test_a_relative_store_is_refused_as_shards_run_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Store.open("store")
    monkeypatch.setenv("DREAMSWEEP_STORE", place)
    with pytest.raises(BadInput, match="it must be a whole path or a URL"):
        usable_store()


def test_a_folder_that_is_missing_or_holds_no_store_is_refused_and_not_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in (tmp_path / "missing", tmp_path):
        monkeypatch.setenv("DREAMSWEEP_STORE", str(folder))
        with pytest.raises(StoreUnusable, match="there is no store at"):
            usable_store()
    assert list(tmp_path.iterdir()) == []


def test_a_bucket_that_cannot_be_reached_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DREAMSWEEP_STORE", "s3://bucket/store")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    with pytest.raises(StoreUnusable):
        usable_store()


def test_shards_are_told_the_store_of_their_worker_and_may_use_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = str(tmp_path / "store")
    monkeypatch.setenv("PREFECT_CLIENT_MAX_RETRIES", "3")
    monkeypatch.delenv("DREAMSWEEP_MNIST", raising=False)
    told = worker_environment(store)
    assert told["DREAMSWEEP_STORE"] == store
    assert json.loads(told[allowed_places.ROOTS]) == [str(DATA_FOLDER), store]
    # what the user has set stays
    assert {name for name in CLIENT_SETTINGS if name not in told} == {"PREFECT_CLIENT_MAX_RETRIES"}
    monkeypatch.setenv("DREAMSWEEP_MNIST", str(tmp_path / "mnist"))
    assert json.loads(worker_environment(store)[allowed_places.ROOTS])[2:] == [str(tmp_path / "mnist")]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--pool", "fleet", "--limit", "0"], "--limit is 0; it must be 1 or more"),
        (["--pool", "a/b"], "--pool is 'a/b'; it must be a name of letters"),
        (["--pool", "fleet", "--name", "a%b"], "--name is 'a%b'; it must be a name of letters"),
    ],
)
def test_a_worker_that_cannot_be_is_refused_in_a_line(cli: CLI, options: list[str], said: str) -> None:
    code, out, err = cli("worker", *options)
    assert (code, out) == (2, "")
    assert said in err


def test_a_server_that_is_away_is_said_before_anything_starts(
    cli: CLI, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Store.open(tmp_path / "store")
    monkeypatch.setenv("DREAMSWEEP_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    code, _, err = cli("worker", "--pool", "fleet")
    assert code == 2
    assert "no Prefect server answers at PREFECT_API_URL=http://127.0.0.1:9/api" in err
