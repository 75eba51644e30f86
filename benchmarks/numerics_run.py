"""The search for every unit of a network by the code of a checkout, which is this one or an older one; see `numerics`.

    PYTHONPATH=CHECKOUT python numerics_run.py NETWORK EXEMPLARS

Prints one JSON object. Names of modules are those of the checkout: before the wings of `lib` they were others.
"""

from __future__ import annotations

import inspect
import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib import import_module
from threading import Lock
from typing import Any

import numpy as np

CONSTRAINT = "standardised"
BATCH = 64
UNITS_AT_ONCE = 24  # as in a sweep (`tasks.sweep.context`)


def named(*places: str) -> Any:
    """The first of these, written module:name, that the checkout has."""
    for place in places:
        module, _, name = place.partition(":")
        try:
            return getattr(import_module(module), name)
        except ModuleNotFoundError as error:
            if not (error.name and module.startswith(error.name)):
                raise
    raise ModuleNotFoundError(f"none of {', '.join(places)}")


def main(network: str, exemplars: str) -> None:
    """Search all units, one layer after the other, and say how long that took and what was found."""
    import keras

    model = keras.saving.load_model(network)
    with np.load(exemplars) as found:
        best = {name: found[name] for name in found.files}
    search_unit = named("lib.oips.search:search_unit", "lib.search:search_unit")
    unit_of = named("lib.network.units:Unit", "lib.units:Unit")
    settings = named("lib.oips.settings:GrowthSettings", "lib.growth_settings:GrowthSettings")(constraint=CONSTRAINT)
    growth = settings.in_style("strong") if hasattr(settings, "in_style") else settings
    begun = time.perf_counter()
    seconds, responses, verdicts = {}, [], []
    for layer in named("lib.network.units:select_layers", "lib.units:select_layers")(model):
        first = time.perf_counter()
        grounds = Grounds(model, layer.name)

        def search(index: int, layer: Any = layer, grounds: Any = grounds) -> tuple[Any, str, float | None]:
            def exemplar(constraint: str) -> float | None:
                known = best.get(f"{layer.name}:{constraint}")
                return None if known is None else float(known[index])

            return search_unit(unit_of(layer.name, index), growth, grounds, exemplar)

        try:
            with ThreadPoolExecutor(UNITS_AT_ONCE) as threads:
                results = list(threads.map(search, range(layer.units)))
        finally:
            grounds.close()
        seconds[layer.name] = time.perf_counter() - first
        responses += [found.response for found, _, _ in results]
        verdicts += [str(verdict) for _, verdict, _ in results]
    whole = time.perf_counter() - begun
    tally = {verdict: verdicts.count(verdict) for verdict in sorted(set(verdicts))}
    print(json.dumps({"seconds": whole, "layers": seconds, "verdicts": tally, "response": float(np.mean(responses))}))


class Grounds:
    """Where units of a layer are searched, by what `search_unit` asks for; each is traced when first asked for."""

    def __init__(self, model: Any, layer: str) -> None:
        self._model, self._layer = model, layer
        self._made: dict[tuple[str, ...], Any] = {}
        self._batchers: list[Any] = []
        self._lock = Lock()

    def __call__(self, *asked: str) -> Any:
        with self._lock:
            if asked not in self._made:
                self._made[asked] = self._make(*asked[-2:])
            return self._made[asked]

    def close(self) -> None:
        """Once all searches are done."""
        for batcher in self._batchers:
            batcher.close()

    def _make(self, constraint: str, objective: str) -> Any:
        ascent_of = named("lib.oips.ascent:Ascent", "lib.ascent:Ascent")
        bounds = named("lib.oips.constraint:Constraint", "lib.constraint:Constraint")(constraint, 0.0, 1.0)
        batcher_of: Callable[..., Any] = named("lib.oips.batcher:Batcher", "lib.grower:Grower")
        several = "objectives" in inspect.signature(ascent_of).parameters
        towards = {"objectives": [objective]} if several else {"objective": objective}
        ascent = ascent_of(self._model, self._layer, bounds, **towards, batch=BATCH)
        batcher = batcher_of(ascent, BATCH)
        self._batchers.append(batcher)
        ground = partial(named("lib.oips.search:Ground", "lib.search:Ground"), batcher, ascent.starts, ascent.measure)
        older = "shape" in inspect.signature(ground.func).parameters
        return ground(ascent.shape if older else ascent.parameterisation)


if __name__ == "__main__":
    main(*sys.argv[1:3])
