"""A process that was told to stop: every thread that looks ends, and the main thread by what its handler raises."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from lib import stop


@pytest.fixture(autouse=True)
def nobody_was_told() -> Iterator[None]:
    yield
    stop.forget()


def elsewhere(what: Callable[[], object]) -> BaseException | None:
    """What this raises in a thread that is not the main one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(what).exception()


def test_who_looks_goes_on_until_somebody_was_told() -> None:
    assert elsewhere(stop.look) is None
    assert not stop.is_told()
    stop.tell()
    assert stop.is_told()
    assert isinstance(elsewhere(stop.look), stop.Stopped)
    stop.forget()
    assert elsewhere(stop.look) is None


def test_being_stopped_is_no_failure_that_is_tried_again() -> None:
    assert not issubclass(stop.Stopped, Exception)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_exit_code_is_that_of_the_first_signal(number: int, code: int) -> None:
    stop.tell(number)
    stop.tell(signal.SIGINT)
    assert stop.exit_code() == code


def test_the_main_thread_is_left_to_its_signal_handler_for_a_moment_and_then_stops_too() -> None:
    assert threading.current_thread() is threading.main_thread()
    stop.tell()
    stop.look()
    time.sleep(0.6)
    with pytest.raises(stop.Stopped):
        stop.look()
