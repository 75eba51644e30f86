"""What the images of two classes have in common in a layer."""

from tasks.analysis.result import result_kind

KIND = result_kind("fcps", "FCPs of {layer}", noun="FCPs", needed=("summary",))
