"""What an output of a network says of a whole set, beside the classes of the first: other classes, labels, values."""

from tasks.analysis.result import result_kind

KIND = result_kind("outputs", "output {output} on {set}", needed=("summary", "answers"))
