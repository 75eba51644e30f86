"""Where servers listen."""

import socket
from collections.abc import Iterator

import pytest

from flows.web.listening import LOCALHOST, PortTaken, address_of, is_local, listen, port_of


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody else listens at."""
    with socket.create_server((LOCALHOST, 0)) as other:
        yield port_of(other)


def test_the_usual_port_is_used_where_it_is_free() -> None:
    with listen(LOCALHOST, None, 0) as first:
        free = port_of(first)
    with listen(LOCALHOST, None, free) as second:
        assert port_of(second) == free


def test_another_port_is_used_where_the_usual_one_is_taken(taken: int) -> None:
    with listen(LOCALHOST, None, taken) as listening:
        assert port_of(listening) != taken
        with socket.create_connection((LOCALHOST, port_of(listening))):
            pass


def test_a_port_that_was_asked_for_is_had_or_the_option_named_that_chooses_another(taken: int) -> None:
    with pytest.raises(PortTaken, match=rf"{LOCALHOST}:{taken} is taken.*end that, or.*--pictures-port"):
        listen(LOCALHOST, taken, 0, "--pictures-port")


def test_where_nothing_can_listen_nobody_is_told_to_end_anything() -> None:
    with pytest.raises(PortTaken, match=r"192\.0\.2\.7:4200 \(Cannot assign requested address\): choose another"):
        listen("192.0.2.7", 4200, 0)


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "http://127.0.0.1:1"),
        ("0.0.0.0", "http://127.0.0.1:1"),
        ("::", "http://[::1]:1"),
        ("::1", "http://[::1]:1"),
        ("example.org", "http://example.org:1"),
    ],
)
def test_an_address_is_one_that_programs_on_this_machine_reach(host: str, address: str) -> None:
    assert address_of(host, 1) == address


def test_only_loopback_is_local() -> None:
    assert all(is_local(host) for host in ("127.0.0.1", "127.8.8.8", "localhost", "::1"))
    assert not any(is_local(host) for host in ("0.0.0.0", "::", "192.0.2.7", "127.example.org", "", "localhost.evil"))
