"""What is to be doubted of a network, from its predictions of the test images."""

from tasks.analysis.context import AnalysisContext
from tasks.model.finding import doubts_of, images_to_look_at


def prediction_warnings(context: AnalysisContext) -> list[str]:
    """Warnings, as whole sentences; none where nothing was predicted."""
    if context.predictions is None or context.data is None:
        return []
    network = context.network
    looked = images_to_look_at(context.session.store, context.data[1], network.saved)
    return [] if looked is None else doubts_of(network.saved, network.pixels, context.predictions, looked)
