"""Linear probes by layer: how well a linear classifier predicts the classes from each layer."""

from tasks.analysis.result import page_of_all, result_kind

KIND = result_kind("linear", "linear probes by layer", noun="linear probes", page=page_of_all, needed=("table",))
