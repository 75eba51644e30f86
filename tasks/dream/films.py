"""The passes of one picture as a film."""

from collections.abc import Iterator

from lib.arrays import Pixels
from lib.pictures.animation import MEDIA_TYPES, Kind, animation
from lib.pictures.files import decode
from storage.store import Input, NewOutput, Recipe, Record
from tasks.dream.context import DreamContext
from tasks.dream.kinds.animation import KIND
from tasks.dream.pieces import Piece
from tasks.session.open_runs import find_shared
from tasks.session.recorded import record_task

VERSION = 1
SECONDS_A_PASS = 0.5


@record_task("animation", run_name="{title}")
def make_animation(title: str, picture: str, kind: Kind, run: str) -> tuple[Record, bool]:
    """The record of a picture's film, from the picture itself to its last pass; its output's role is `animation`.

    Of a picture with several frames the first are shown. Raises BadInput where this machine cannot make that kind.
    """
    context = find_shared(run, DreamContext)
    session = context.session
    pieces = [Piece(picture, number, context.passes) for number in range(1, context.passes + 1)]
    made = [session.store.record(context.tally.key_of(piece.title)) for piece in pieces]
    blobs = {"pass 0": made[0].recipe_inputs["picture"]}
    blobs |= {f"pass {number}": record.output("picture").digest for number, record in enumerate(made, 1)}
    recipe = Recipe(KIND.task, VERSION, {"kind": kind, "seconds_a_pass": SECONDS_A_PASS}, blobs)

    def frames() -> Iterator[Pixels]:
        for digest in blobs.values():
            yield decode(session.store.get(digest)).frames[0]

    def compute() -> tuple[list[NewOutput], list[Input]]:
        about = {"recipe": recipe.digest, "task": recipe.task, "parameters": recipe.parameters, "inputs": recipe.inputs}
        film = animation(frames(), kind, about={**about, "role": "animation"}, seconds=SECONDS_A_PASS)
        outputs = [NewOutput("animation", film, "animation", MEDIA_TYPES[kind], attributes={"title": picture})]
        return outputs, [Input(role, digest) for role, digest in blobs.items()]

    return session.obtain(recipe, compute, unit=title)
