"""What links begin with, and what a data folder remembers of it."""

from pathlib import Path

import pytest

from flows.forms.addresses import (
    Addresses,
    check_address,
    pictures_address,
    pictures_below,
    public_address,
    read_addresses,
    remember_addresses,
)
from flows.forms.places import DATA_FOLDER
from lib.errors import BadInput


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("https://host.example/dreams/", "https://host.example/dreams"),
        ("https://Host.Example:443", "https://host.example"),  # as browsers say it
        ("http://host.example:80/", "http://host.example"),
        ("http://host.example:8080/a/b", "http://host.example:8080/a/b"),
        ("https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443"),
        ("https://host.example/apis", "https://host.example/apis"),
    ],
)
def test_an_address_is_as_browsers_say_it(given: str, said: str) -> None:
    assert check_address(given, "--public-url") == said


@pytest.mark.parametrize(
    "given",
    [
        *("", "host.example", "host.example/dreams", "ftp://host.example", "https://", "https:///dreams", "https://["),
        *("https://me:secret@host.example", "https://host.example/?a=1", "https://host.example/#top"),
        *(
            "https://host.example:x",
            "https://host.example:99999",
            "https://host.example/a b",
            "https://h\u00f6st.example",
        ),
        *("https://host.example//dreams", "https://host.example/../dreams", 'https://host.example/"><b>'),
        *("https://host.example/api", "https://host.example/api/dreams"),
    ],
)
def test_what_is_none_is_refused_with_an_example(given: str) -> None:
    with pytest.raises(BadInput, match=r"--public-url is .*https://host/dreams"):
        check_address(given, "--public-url")


def test_the_option_goes_before_the_variable_and_pictures_are_below(monkeypatch: pytest.MonkeyPatch) -> None:
    assert public_address() is None
    assert pictures_below(None) is None
    monkeypatch.setenv("DREAMSWEEP_PUBLIC_URL", "https://host.example/dreams/")
    assert public_address() == "https://host.example/dreams"
    assert public_address("http://other.example") == "http://other.example"
    assert pictures_below(public_address()) == "https://host.example/dreams/pictures"
    monkeypatch.setenv("DREAMSWEEP_PICTURES_URL", "http://pictures.example/")  # of an earlier version
    assert pictures_below(public_address()) == pictures_address() == "http://pictures.example"
    monkeypatch.setenv("DREAMSWEEP_PICTURES_URL", "pictures.example")
    with pytest.raises(BadInput, match="DREAMSWEEP_PICTURES_URL"):
        pictures_below(None)


def test_what_is_remembered_is_read_again_by_this_account_alone(tmp_path: Path) -> None:
    assert read_addresses(tmp_path) == Addresses(port=4200, pictures_port=4201)
    addresses = Addresses(port=1, pictures_port=2, public_url="https://h/x", pictures="https://h/x/pictures")
    remember_addresses(tmp_path, addresses)
    assert read_addresses(tmp_path) == addresses
    (path,) = tmp_path.iterdir()
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("content", ["", "[]", "{", '{"port": 1, "what": 2}', '"4200"'])
def test_what_is_damaged_is_named_and_no_other_port_taken_in_its_place(tmp_path: Path, content: str) -> None:
    (tmp_path / "addresses.json").write_text(content)
    with pytest.raises(BadInput, match=r"addresses\.json cannot be used .*--port"):
        read_addresses(tmp_path)


def test_where_there_was_never_an_up_nobody_knows_where_pictures_are(tmp_path: Path) -> None:
    folder = DATA_FOLDER / "prefect"
    assert not (folder / "addresses.json").exists()
    assert pictures_address() is None
    remember_addresses(folder, Addresses(pictures="http://127.0.0.1:4301"))
    try:
        assert pictures_address() == "http://127.0.0.1:4301"
    finally:
        (folder / "addresses.json").unlink()
