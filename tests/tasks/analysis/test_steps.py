"""What an analysis is to make: gathered from its tasks, the quickest first."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import tasks.analysis
from tasks.analysis.groups import Groups, ImageGroup
from tasks.analysis.steps import Wanted, plan

NEW = """
from tasks.analysis.steps import Stage, Step

def steps(context, wanted):
    yield Step("saliency of all", lambda: None, lambda *_: None, (), Stage.NETWORK)
"""


@pytest.fixture
def context() -> Any:
    """A network of classes whose every image can be read."""
    classes = SimpleNamespace(data_classes=("3", "8"), classifier=object(), can_see=lambda name: name != "broken.png")
    classes.reader, classes.further = classes.classifier, ()
    classes.data, classes.labelled = object(), True
    classes.settings = SimpleNamespace(classifier_images=100)
    return classes


@pytest.fixture
def new_task(tmp_path: Path) -> Iterator[None]:
    (tmp_path / "saliency.py").write_text(NEW)
    tasks.analysis.__path__.append(str(tmp_path))
    yield
    tasks.analysis.__path__.remove(str(tmp_path))
    sys.modules.pop("tasks.analysis.saliency", None)


def titles(context: Any, wanted: Wanted) -> list[str]:
    return [step.title for step in plan(context, wanted)]


def test_images_come_before_layers_and_these_before_whole_sets(context: Any) -> None:
    groups = Groups(ImageGroup("3", ("test/1",)), ImageGroup("8", ("test/2",)))
    wanted = Wanted(["test/1", "test/2", "broken.png"], ["Conv2D_1", "dense_1"], groups, "test")
    assert titles(context, wanted) == [
        *("activations of test/1", "attribution of test/1"),
        *("activations of test/2", "attribution of test/2"),
        *("activations of broken.png", "attribution of broken.png"),
        "activations of several images side by side",
        *("fcps of Conv2D_1", "fcps of dense_1"),
        "linear classifiers",
        "activations of all test images",
    ]


def test_a_network_without_classes_has_no_attribution_and_no_classifiers(context: Any) -> None:
    context.classifier = context.reader = None
    assert titles(context, Wanted(["test/1"])) == ["activations of test/1"]


@pytest.mark.usefixtures("new_task")
def test_a_new_task_adds_its_results_by_its_file_alone(context: Any) -> None:
    assert titles(context, Wanted(["test/1"], tensors="test")) == [
        *("activations of test/1", "attribution of test/1"),
        "saliency of all",
        "activations of all test images",
    ]
