"""What an analysis makes, and what each result is called in its run and in Prefect's UI."""

CLASSIFIERS = "linear classifiers"

_PREDICTIONS, _ACTIVATIONS, _ATTRIBUTION, _FCPS = "predictions of ", "activations of ", "attribution of ", "fcps of "


def predictions_title(name: str) -> str:
    """What the network makes of a set."""
    return f"{_PREDICTIONS}{name}"


def activations_title(image: str) -> str:
    """What all layers make of one image."""
    return f"{_ACTIVATIONS}{image}"


SIDE_BY_SIDE = f"{_ACTIVATIONS}several images side by side"


def tensors_title(name: str) -> str:
    """What all layers make of all images of a set."""
    return f"{_ACTIVATIONS}all {name} images"


def attribution_title(image: str) -> str:
    """Which pixels of an image carry its prediction."""
    return f"{_ATTRIBUTION}{image}"


def fcps_title(layer: str) -> str:
    """What images of two classes have in common in a layer."""
    return f"{_FCPS}{layer}"
