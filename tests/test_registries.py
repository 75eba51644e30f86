"""A new dream mode and a new objective are one file each: what lists, explains, takes and runs them needs no word.

Their files lie in a temporary folder here, in which the registries look too. Each test starts a process, as it is when
the program starts that names become options, forms and limits.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

MODE = '''
"""Mode once: the picture at its own size alone."""

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge

from lib.arrays import Floats
from lib.dream.mode import Curve, DreamedPlanes, Mode, Progress, Setup, Target
from lib.dream.picture_ascent import PictureAscent
from lib.dream.whole_gradient import picture_gradient
from lib.settings import About


@dataclass(frozen=True)
class OnceSettings:
    drift: Annotated[int, Ge(0), About("Drift", "Greatest shift, in pixels, of the picture before a step.")] = 5


class Once:
    def __init__(self, setup: Setup) -> None:
        self._own = setup.settings.of_mode(OnceSettings)
        gradient = picture_gradient(setup.model, setup.objective)
        self._ascent = PictureAscent(gradient, setup)

    @property
    def traces(self) -> int:
        return self._ascent.traces

    def dream(self, planes: Floats, target: Target, progress: Progress) -> DreamedPlanes:
        planes, values = self._ascent.optimise(planes, target, "once", progress, jitter=self._own.drift, number=0)
        return DreamedPlanes(planes, (Curve("once", values),))


MODE = Mode(
    name="once",
    text="the picture is dreamed at its own size",
    step=0.02,
    step_text="where it is dreamed once",
    prepare=Once,
    reads=frozenset({"seed"}),
    own=OnceSettings,
)
'''

OBJECTIVE = '''
"""The mean of the squared activation."""

from lib.arrays import Tensor
from lib.oips.objective import LEAK, Objective, over_positions


def square(before: Tensor, after: Tensor) -> Tensor:
    return over_positions(after * after) + LEAK * over_positions(before)


OBJECTIVE = Objective("square", "the mean of the squared activation", square)
'''

FOLDERS = {"lib.dream.modes": MODE, "lib.oips.objectives": OBJECTIVE}
LOOK_THERE_TOO = f"""
import json, sys
from importlib import import_module

for package in {list(FOLDERS)!r}:
    import_module(package).__path__.append(f"{{sys.argv[1]}}/{{package}}")
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the new files are."""
    return write(tmp_path_factory.mktemp("new"))


def write(folder: Path, mode: str = MODE) -> Path:
    for package, text in (FOLDERS | {"lib.dream.modes": mode}).items():
        (folder / package).mkdir()
        (folder / package / "new.py").write_text(text)
    return folder


def run(folder: Path, script: str) -> str:
    """What a script prints that finds the new files too."""
    done = start(folder, script)
    assert done.returncode == 0, done.stderr
    return done.stdout


def start(folder: Path, script: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", f"{LOOK_THERE_TOO}\n{script}", str(folder)],
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "300"},
    )


def text_in(mode: str) -> str:
    """What a new mode's file says of it."""
    found = re.search(r'text="(.+)"', mode)
    assert found
    return found[1]


def known(folder: Path, registry: str) -> list[str]:
    """All names that there are with the new files, in the order in which they are shown."""
    module, _, name = registry.rpartition(".")
    found: list[str] = json.loads(run(folder, f"from {module} import {name}; print(json.dumps(list({name})))"))
    return found


def help_of(folder: Path, command: str) -> str:
    return " ".join(run(folder, f"from flows.cli import main; main([{command!r}, '--help'])").replace("│", " ").split())


def test_the_help_of_dream_explains_the_new_mode(folder: Path) -> None:
    said = help_of(folder, "dream")
    assert f" once: {text_in(MODE)}. " in said
    assert " and of 0.02 where it is dreamed once" in said
    assert "--drift N Greatest shift, in pixels, of the picture before a step. Default: 5." in said


def test_the_help_of_sweep_explains_the_new_objective(folder: Path) -> None:
    said = help_of(folder, "sweep")
    assert " square: the mean of the squared activation" in said
    assert "negative" not in said


def test_forms_offer_both_behind_those_that_there_were_and_the_mode_s_own_setting(folder: Path) -> None:
    forms: Any = json.loads(
        run(
            folder,
            "from flows.forms.parameters import DreamParameters, SweepParameters\n"
            "print(json.dumps([form.model_json_schema()['$defs'] for form in (DreamParameters, SweepParameters)]))",
        )
    )
    dream, growth = forms[0]["DreamSettings"]["properties"], forms[1]["GrowthSettings"]["properties"]
    assert dream["mode"]["enum"] == known(folder, "lib.dream.mode.MODES")
    assert dream["mode"]["enum"][:4] == ["octaves", "tiles", "carve", "carve+tiles"]
    assert "once" in dream["mode"]["enum"]
    assert growth["objective"]["enum"][:3] == ["response", "pre-activation", "peak"]
    assert "square" in growth["objective"]["enum"]
    assert list(dream).index("drift") > list(dream).index("seed")
    assert dream["drift"] == {
        "title": "Drift",
        "description": "Greatest shift, in pixels, of the picture before a step.",
        "type": "integer",
        "minimum": 0,
        "default": 5,
    }


def test_settings_take_both_and_only_the_new_mode_s_recipes_have_its_own_setting(folder: Path) -> None:
    found: Any = json.loads(
        run(
            folder,
            """
from dataclasses import fields
from lib.dream.settings import DreamSettings
from lib.errors import BadInput
from lib.settings import hints_of
from lib.oips.settings import GrowthSettings

def message(**settings):
    try:
        DreamSettings(**settings)
    except BadInput as problem:
        return str(problem)

print(json.dumps({
    "listed": [field.name for field in fields(DreamSettings)],
    "said": list(hints_of(DreamSettings)),
    "deciding": {mode: sorted(DreamSettings(mode=mode).deciding()) for mode in ("octaves", "carve", "once")},
    "step": DreamSettings(mode="once", step_size=0.5).step,
    "messages": [message(mode="twice"), message(drift=-1)],
    "objective": GrowthSettings(objective="square").objective,
}))""",
        )
    )
    assert found["listed"] == found["said"]
    assert found["listed"].index("drift") > found["listed"].index("seed")
    of_every_mode = {"mode", "objective", "steps", "step_size", "smoothing", "colours", "style", "strength"}
    assert {mode: set(names) - of_every_mode for mode, names in found["deciding"].items()} == {
        "octaves": {"octaves", "octave_scale", "jitter", "seed"},
        "carve": {"rounds"},
        "once": {"drift", "seed"},
    }
    assert found["step"] == 0.01
    assert found["messages"] == [
        f"mode is 'twice'; choose from {', '.join(known(folder, 'lib.dream.mode.MODES'))}",
        "drift is -1; it must be 0 or more",
    ]
    assert found["objective"] == "square"


def test_options_are_held_to_the_new_mode_and_to_the_limits_of_its_own_setting(folder: Path) -> None:
    options = [["--mode", "twice"], ["--drift", "3"], ["--mode", "once", "--drift", "-1"]]
    done = start(folder, f"from flows.cli import main\nfor more in {options}: main(['dream', 'here', *more])")
    # and not that a folder of the tests was open to others
    assert [line for line in done.stderr.splitlines() if line.startswith("dreamsweep: ")] == [
        f"dreamsweep: --mode is 'twice'; choose from {', '.join(known(folder, 'lib.dream.mode.MODES'))}",
        "dreamsweep: --drift has no effect in mode octaves: leave it out, or choose another --mode",
        "dreamsweep: --drift is -1; it must be 0 or more",
    ]


def test_a_mode_cannot_declare_a_setting_that_there_is(tmp_path: Path) -> None:
    done = start(write(tmp_path, MODE.replace("drift:", "rounds:")), "import lib.dream.settings")
    assert "mode once declares the setting rounds, which there is already" in done.stderr


@pytest.mark.heavy
def test_pictures_are_dreamed_in_the_new_mode_and_images_climb_the_new_objective(folder: Path) -> None:
    found: Any = json.loads(
        run(
            folder,
            """
import keras
import numpy as np
from keras import layers as kl
from lib.dream.dreamer import Dreamer
from lib.dream.settings import DreamSettings
from lib.oips.ascent import Ascent, AscentState, cosine_rates
from lib.oips.constraint import Constraint

keras.utils.set_random_seed(0)
entry = kl.Input((12, 12, 1))
model = keras.Model(entry, kl.Dense(3)(kl.Flatten()(kl.Conv2D(4, 3, activation="relu", name="maps")(entry))))
random = np.random.default_rng(0)

settings = DreamSettings(mode="once", drift=2, steps=4)
dream = Dreamer(model, settings).dream(random.integers(0, 255, (20, 24, 1), np.uint8))
ascent = Ascent(model, "maps", Constraint("box", 0, 1), objectives=["square"], batch=4)
starts = ascent.starts(random.normal(size=(4, 12, 12, 1)).astype(np.float32))
rates = np.repeat(cosine_rates(8, 1.0)[:, None], 4, axis=1)
found = ascent.optimise(AscentState.from_starts(starts), np.arange(4), rates)
print(json.dumps({
    "curves": {curve.name: curve.values.tolist() for curve in dream.curves},
    "responses": found.curve[:, 0].tolist(),
    "best": found.response.tolist(),
}))""",
        )
    )
    ((name, values),) = found["curves"].items()
    assert (name, len(values)) == ("once", 5)
    assert values[-1] > values[0]
    assert all(best > first for best, first in zip(found["best"], found["responses"], strict=True))
