"""Room in memory: as many pictures at once as fit, and never more."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.session.pixel_budget import PixelBudget

SECONDS = 10.0  # after which something that should have happened has not


def entered(room: PixelBudget, pixels: int) -> tuple[threading.Event, Callable[[], None]]:
    """Somebody else who wants room: an event that tells when they have it, and what makes them leave."""
    inside, over = threading.Event(), threading.Event()

    def visit() -> None:
        with room.take(pixels):
            inside.set()
            over.wait(SECONDS)

    thread = threading.Thread(target=visit, daemon=True)
    thread.start()

    def leave() -> None:
        over.set()
        thread.join(SECONDS)

    return inside, leave


def test_what_fits_is_in_at_once_and_the_next_waits_until_one_leaves() -> None:
    room = PixelBudget(10)
    first, leave_first = entered(room, 6)
    second, leave_second = entered(room, 4)
    assert first.wait(SECONDS)
    assert second.wait(SECONDS)
    third, leave_third = entered(room, 1)
    assert not third.wait(0.1)
    leave_second()
    assert third.wait(SECONDS)
    leave_first()
    leave_third()


def test_what_is_larger_than_the_room_has_it_alone() -> None:
    room = PixelBudget(10)
    large, leave_large = entered(room, 1000)
    assert large.wait(SECONDS)
    small, leave_small = entered(room, 1)
    assert not small.wait(0.1)
    leave_large()
    assert small.wait(SECONDS)
    leave_small()


def test_room_is_given_back_by_what_fails() -> None:
    room = PixelBudget(10)
    for _ in range(3):
        with pytest.raises(ValueError, match="broken"), room.take(10):
            raise ValueError("broken")
    with room.take(10):
        pass


@given(st.integers(1, 20), st.lists(st.integers(0, 30), min_size=1, max_size=12))
def test_everybody_has_a_turn_and_there_is_never_more_than_fits(size: int, wanted: list[int]) -> None:
    room = PixelBudget(size)
    inside, most, lock = 0, 0, threading.Lock()

    def visit(pixels: int) -> None:
        nonlocal inside, most
        with room.take(pixels):
            with lock:
                inside += min(pixels, size)
                most = max(most, inside)
            time.sleep(0)
            with lock:
                inside -= min(pixels, size)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(visit, wanted, timeout=SECONDS))
    assert most <= size
    assert inside == 0
