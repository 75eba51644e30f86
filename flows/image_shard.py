"""The flow `image-shard`: how some layers respond to a part of a data set's images, for a sweep of another process."""

from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from flows.forms.shard import ImageShardParameters
from flows.running.damage import makes_damaged_again
from flows.running.fields import form_flow
from flows.running.shards import say_failures
from flows.sweeping.shard_context import open_shard
from lib.words import plural
from tasks.sweep.image_parts import ImagePart, make_part


@form_flow("image-shard")
@makes_damaged_again
def image_shard(parameters: ImageShardParameters) -> State[None]:
    """Find the exemplars and count the responses of some layers among a part of the data set's images.

    A sweep with `--pool` submits it to the pool's workers where the data set is large, and puts the parts together. It
    ends `Failed`, saying why, where that failed. Of a remote store the part's images alone are fetched.
    """
    layers, first, last = parameters.of_layers, parameters.first, parameters.last
    with open_shard(parameters, sizes=dict.fromkeys(layers, parameters.size), partly=True) as context:
        state = make_part(layers, first, last, context.session.run.id, return_state=True)
    if not state.is_completed():
        part = ImagePart(tuple(layers), first, last)
        return Failed(message=say_failures({str(part): state.message or state.name or "failed"}, 1, "parts"))
    return Completed(message=plural(last - first, "image"))
