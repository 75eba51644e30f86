"""What every layer makes of some images."""

from tasks.analysis.result import page_of_images, result_kind

KIND = result_kind("activations", "activations", page=page_of_images, needed=("about",))
