"""The recipes of CONTRIBUTING.md, followed in a copy of the code: what they give works, and their tests pass."""

import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[1]
COPIED = ("flows", "tasks", "lib", "storage", "tests", "pyproject.toml")
RECIPES = (
    *("Add a dream mode", "Add an objective", "Add a style"),
    *("Add an artifact kind", "Add a page to the gallery"),
)
CONTRIBUTING = (HOUSE / "CONTRIBUTING.md").read_text()
_FILE = re.compile(r"`((?:lib|tasks|tests)/[\w/]+\.(?:py|html\.j2))`")
_BLOCK = re.compile(r"^   ```(?:python|jinja)\n(.*?)^   ```$", re.MULTILINE | re.DOTALL)
_STEP = re.compile(r"^\d+\. ", re.MULTILINE)


def files_of(recipe: str) -> dict[str, str]:
    """The whole files that a recipe says are to be written, by path: each in a step of its own."""
    section = CONTRIBUTING.partition(f"\n## {recipe}\n")[2].partition("\n## ")[0]
    found = {}
    for step in _STEP.split(section)[1:]:
        if step.startswith(("Write ", "Declare ", "Let ")):
            path, block = _FILE.search(step), _BLOCK.search(step)
            assert path, step
            assert block, step
            found[path[1]] = textwrap.dedent(block[1])
    return found


def python(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "300"}
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The code with all recipes followed, one after the other."""
    folder = tmp_path_factory.mktemp("copy")
    for name in COPIED:
        if (HOUSE / name).is_dir():
            shutil.copytree(HOUSE / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(HOUSE / name, folder / name)
    for recipe in RECIPES:
        for path, text in files_of(recipe).items():
            (folder / path).write_text(text)
    return folder


def written() -> list[str]:
    """The paths of all files that the recipes give."""
    return sorted({path for recipe in RECIPES for path in files_of(recipe)})


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_gives_whole_files(recipe: str) -> None:
    assert len(files_of(recipe)) >= 1


def test_what_the_recipes_write_is_in_the_style_of_this_code(copy: Path) -> None:
    code = [path for path in written() if path.endswith(".py")]
    for check in (["check"], ["format", "--check"]):
        done = python(copy, "-m", "ruff", *check, "--no-cache", *code)
        assert done.returncode == 0, done.stdout


@pytest.mark.heavy
def test_the_tests_that_the_recipes_write_pass(copy: Path) -> None:
    tests = [path for path in written() if path.startswith("tests/")]
    assert len(tests) == 4
    done = python(copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests)
    assert done.returncode == 0, done.stdout
    assert f"{len(tests)} passed" in done.stdout


def test_the_command_line_explains_the_new_mode_its_setting_the_new_objective_and_the_new_style(copy: Path) -> None:
    dream = python(copy, "-m", "flows.cli", "dream", "--help").stdout
    assert "plain: the picture is dreamed at its own size alone" in dream
    assert "--wander" in dream
    sweep = " ".join(python(copy, "-m", "flows.cli", "sweep", "--help").stdout.replace("│", " ").split())
    assert "energy: the mean of the squared activation" in sweep
    assert "mirrored: images are the same from the left and from the right" in sweep
    assert "8 in mirrored" in sweep


@pytest.mark.heavy
def test_the_new_objective_has_its_value_and_the_new_result_its_step_and_kind(copy: Path) -> None:
    script = """
from lib.oips.objective import OBJECTIVES
from tasks.analysis.steps import plan, Wanted
from tasks.analysis.groups import Groups, ImageGroup
from tasks.session.kind import artifact_kinds
from types import SimpleNamespace
import tensorflow as tf

before = tf.constant([[-1.0, 2.0]])
print(float(OBJECTIVES["energy"].value(before, tf.nn.relu(before))[0]))
context = SimpleNamespace(classifier=None, reader=None, further=(), data=None, can_see=lambda name: True)
context.data_classes = ("3", "8")
groups = Groups(ImageGroup("3", ("test/1",)), ImageGroup("8", ("test/2",)))
print("brightness" in [step.title for step in plan(context, Wanted(groups=groups))])
print(artifact_kinds()["brightness"].counted)
"""
    done = python(copy, "-c", script)
    assert done.returncode == 0, done.stderr
    value, planned, counted = done.stdout.split()
    assert float(value) == pytest.approx(2.0 + 0.01 * 0.5)
    assert (planned, counted) == ("True", "result")


def test_the_examples_of_style_stand_in_the_code_like_that() -> None:
    section = CONTRIBUTING.partition("\n## Style\n")[2].partition("\n## ")[0]
    examples = re.findall(r"From `([^`]+)`:\n\n```python\n(.*?)^```$", section, flags=re.MULTILINE | re.DOTALL)
    assert len(examples) == section.count("```python")
    for path, text in examples:
        lines = [line.strip() for line in (HOUSE / path).read_text().splitlines()]
        wanted = [line.strip() for line in text.splitlines()]
        assert any(lines[at : at + len(wanted)] == wanted for at in range(len(lines))), path
