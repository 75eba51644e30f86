"""What an analysis is to make: each task of this folder says which results are its own.

A module that has a function `steps(context, wanted)` is found by that alone: a new result is a new task.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from importlib import import_module

from prefect.client.schemas.objects import State

from lib.data.image_names import SetName
from lib.errors import BadInput
from lib.registry import module_names
from storage.store import Recipe
from tasks.analysis.context import AnalysisContext
from tasks.analysis.groups import Groups

FOLDER = "tasks.analysis"


class Stage(IntEnum):
    """When a result's turn is: the quickest come first."""

    IMAGE, IMAGES, LAYER, NETWORK, SET = range(5)


@dataclass(frozen=True)
class Wanted:
    """What an analysis was asked for.

    Attributes:
        images: those that are looked at by themselves.
        layers: those whose patterns are compared.
        groups: of images whose classes are told apart; None where there are none.
        tensors: the set of which all activations are kept, if any.
    """

    images: Sequence[str] = ()
    layers: Sequence[str] = ()
    groups: Groups | None = None
    tensors: SetName | None = None


@dataclass(frozen=True)
class Step:
    """One result to be made.

    Attributes:
        title: what it is called in its run, and in Prefect's UI.
        recipe: makes the recipe under which the store may have it.
        make: the task, which is called with the title, `what` and the run.
        what: it is made from.
        stage: when its turn is; those of one stage take turns by their number.
    """

    title: str
    recipe: Callable[[], Recipe]
    make: Callable[..., State[str]]
    what: tuple[str | Sequence[str] | Groups | tuple[int, int], ...]
    stage: Stage
    number: int = 0

    def find_recipe(self) -> Recipe | None:
        """The recipe; None for a picture that cannot be read: its task run will say so."""
        try:
            return self.recipe()
        except BadInput:
            return None


def plan(context: AnalysisContext, wanted: Wanted) -> list[Step]:
    """The steps of all tasks, in the order in which they are to be made; the predictions are there already."""
    return sorted(_all_steps(context, wanted), key=lambda step: (step.stage, step.number))


def _all_steps(context: AnalysisContext, wanted: Wanted) -> Iterator[Step]:
    for name in module_names(FOLDER):
        if steps := getattr(import_module(name), "steps", None):
            yield from steps(context, wanted)
