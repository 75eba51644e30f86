"""Which pixels of an image carry its prediction."""

from tasks.analysis.result import page_of_images, result_kind

KIND = result_kind("attribution", "attribution of {image}", page=page_of_images)
