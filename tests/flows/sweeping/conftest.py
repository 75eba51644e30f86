"""A store and the tiny network's context in it, as tests of tasks have them."""

from tests.tasks.conftest import pictures, store, sweep_context_in

__all__ = ["pictures", "store", "sweep_context_in"]
