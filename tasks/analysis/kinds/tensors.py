"""The activations of all images of a set."""

from tasks.analysis.result import page_of_all, result_kind

KIND = result_kind("tensors", "activations of all images of {set}", noun="activations of all images", page=page_of_all)
