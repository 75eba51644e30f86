"""What a network makes of a whole set."""

from tasks.analysis.result import page_of_all, result_kind

KIND = result_kind("predictions", "predictions of {set}", page=page_of_all, needed=("summary", "probabilities"))
