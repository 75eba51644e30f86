"""How well a linear classifier tells classes apart on each layer."""

from tasks.analysis.result import page_of_all, result_kind

KIND = result_kind("linear", "linear classifiers", noun="linear classifiers", page=page_of_all, needed=("table",))
