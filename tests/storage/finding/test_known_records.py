"""Records that a process knows: they stay what they were, and take little room."""

import tracemalloc
from dataclasses import replace

import numpy as np

from storage.finding.known_records import KnownRecords


def test_what_is_known_takes_a_few_thousand_bytes_a_unit(store, committing):
    curves = np.random.default_rng(0).normal(size=(400, 2, 64)).round(5).tolist()
    record = committing(store, attributes={"unit": "Conv2D_1/0"})
    known = KnownRecords(store.files)
    tracemalloc.start()
    try:
        for number, curve in enumerate(curves):
            about = {"unit": f"Conv2D_1/{number}", "oips": [{"response": 1.0, "curve": values} for values in curve]}
            output = replace(record.outputs[0], attributes=about)
            known.note(replace(record, execution=f"{number:032x}", outputs=(output,)))
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken / len(curves) < 3_000
    for number in (0, 399):
        found = known.get(f"{record.recipe}/{number:032x}")
        assert [oip["curve"] for oip in found.output("oips").attributes["oips"]] == curves[number]
    assert known.get(record.key) is None
