"""Dreams over folders of pictures, on Prefect's server: what is made, what is reused, and what fails alone."""

import io
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from flows.dream import DreamsFailed, dream
from flows.forms.parameters import DreamParameters
from flows.serving.server_settings import api_headers
from lib.dream.dreamer import Dreamer
from lib.dream.settings import DreamSettings
from lib.pictures.about import read_about
from storage import lineage, verify
from storage.store import Store
from tasks.session.progress import listen
from tests.flows.tiny import MAPS, UNITS, photograph, saved, small_cnn, write_photograph

pytestmark = pytest.mark.usefixtures("prefect_server")

SETTINGS = DreamSettings(octaves=2, steps=3, seed=4)


def pixels(path: Path | str) -> Any:
    with Image.open(path) as picture:
        return np.asarray(picture)


@dataclass
class House:
    """A store with the tiny network, a folder of pictures, and one for the dreams."""

    root: Path

    @classmethod
    def at(cls, root: Path, store: Path) -> "House":
        """One with a store like that."""
        shutil.copytree(store, root / "store")
        return cls(root)

    @property
    def pictures(self) -> Path:
        return self.root / "pictures"

    @property
    def out(self) -> Path:
        return self.root / "dreams"

    @property
    def store(self) -> Store:
        return Store.open(self.root / "store")

    def parameters(self, **changes: Any) -> DreamParameters:
        asked = {"pictures": [str(self.pictures)], "out": self.out, "settings": SETTINGS}
        return DreamParameters(store=str(self.root / "store"), **asked | changes)

    def dream(self, **changes: Any) -> dict[str, Any]:
        """Dream, and return the summary. Raises what the flow raises."""
        return dict(dream(self.parameters(**changes)))

    def failing(self, **changes: Any) -> dict[str, Any]:
        """The summary of a dream in which pictures fail."""
        from flows.results.dream_summary import dreams_summary

        with pytest.raises(DreamsFailed) as failed:
            self.dream(**changes)
        return dreams_summary(self.store, failed.value.run)

    def made(self) -> set[str]:
        """What lies in the folder of the dreams."""
        return {os.fsdecode(path.relative_to(self.out)) for path in self.out.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def registered(tmp_path_factory: pytest.TempPathFactory, prefect_server: str) -> Path:
    """A store that has the tiny network."""
    from flows.forms.parameters import RegisterParameters
    from flows.register import register

    folder = tmp_path_factory.mktemp("registered")
    file = saved(small_cnn(), folder / "small.keras")
    register(RegisterParameters(store=str(folder / "store"), file=file, data_dir=None, pixels="0..1"))
    return folder / "store"


@pytest.fixture
def house(tmp_path: Path, registered: Path) -> House:
    return House.at(tmp_path / "house", registered)


@pytest.fixture
def task_runs(prefect_server: str) -> Callable[[str, int], dict[str, dict[str, Any]]]:
    """The task runs of a run of the store, by name, when so many have ended."""

    def ended(flow_run: str, count: int) -> dict[str, dict[str, Any]]:
        question = {"flow_runs": {"id": {"any_": [flow_run]}}, "limit": 200}
        give_up = time.monotonic() + 30  # the recorder writes them down some time later
        while True:
            answer = httpx.post(
                f"{prefect_server}/task_runs/filter", json=question, headers=api_headers(), trust_env=False
            )
            runs = {run["name"]: run for run in answer.raise_for_status().json() if run["end_time"]}
            if len(runs) >= count or time.monotonic() > give_up:
                return runs
            time.sleep(0.2)

    return ended


def flow_run_of(house: House, summary: dict[str, Any]) -> str:
    record = house.store.record(summary["pictures"][0]["record"])
    assert record.provenance.flow_run
    return record.provenance.flow_run


def test_dreams_lie_in_a_folder_that_mirrors_that_of_the_pictures(house: House) -> None:
    write_photograph(house.pictures / "rose.png", 1)
    write_photograph(house.pictures / "garden" / "rose.png", 2)
    write_photograph(house.pictures / "garden" / "white rose 🌹.jpg", 3)
    odd = os.fsdecode(b"caf\xe9.png")
    write_photograph(house.pictures / "garden" / odd, 4)
    summary = house.dream()
    assert house.made() == {
        "rose.png.png",
        "garden/rose.png.png",
        "garden/white rose 🌹.jpg.png",
        f"garden/{odd}.png",
    }
    assert summary["computed"] == 4
    assert {one["title"] for one in summary["pictures"]} == {
        "rose.png",
        "garden/rose.png",
        "garden/white rose 🌹.jpg",
        "garden/caf%E9.png",
    }
    first, second = pixels(house.out / "rose.png.png"), pixels(house.out / "garden" / "rose.png.png")
    assert not np.array_equal(first, second)
    assert first.shape == (37, 52, 3)
    assert verify.verify(house.store).clean


def test_each_dream_has_a_task_run_of_its_own(house: House, task_runs: Any) -> None:
    for number in range(3):
        write_photograph(house.pictures / f"{number}.png", number)
    summary = house.dream(passes=2)
    runs = task_runs(flow_run_of(house, summary), 6)
    wanted = {f"{number}.png" for number in range(3)} | {f"{number}.png/pass 1" for number in range(3)}
    assert wanted <= set(runs)
    assert {runs[name]["state_name"] for name in wanted} == {"Completed"}


def test_a_bad_file_fails_alone_in_one_line_and_a_rerun_makes_the_failed_and_the_new(
    house: House, task_runs: Any
) -> None:
    write_photograph(house.pictures / "good.png")
    write_photograph(house.pictures / "whole.jpg", size=(200, 200))
    (house.pictures / "truncated.jpg").write_bytes((house.pictures / "whole.jpg").read_bytes()[:900])
    (house.pictures / "empty.png").write_bytes(b"")
    (house.pictures / "text.png").write_text("no picture")
    (house.pictures / "loop.png").symlink_to(house.pictures / "loop.png")
    # in the header of a PNG: 60,000 by 60,000 pixels
    good = (house.pictures / "good.png").read_bytes()
    header = b"IHDR" + struct.pack(">II", 60000, 60000) + good[24:29]
    (house.pictures / "bomb.png").write_bytes(good[:12] + header + struct.pack(">I", zlib.crc32(header)) + good[33:])
    summary = house.failing()
    bad = {"truncated.jpg", "empty.png", "text.png", "loop.png", "bomb.png"}
    assert set(summary["failures"]) == bad
    assert all("\n" not in message and str(house.root) not in message for message in summary["failures"].values())
    assert {one["title"] for one in summary["pictures"]} == {"good.png", "whole.jpg"}
    runs = task_runs(flow_run_of(house, summary), 6)
    for name in bad - {"loop.png"}:  # which is no file that a task could read
        assert runs[name]["state_type"] == "FAILED"
        assert runs[name]["run_count"] == 1  # time would not mend it
        assert runs[name]["state"]["message"] == summary["failures"][name]
    for name in bad:
        (house.pictures / name).unlink()
    write_photograph(house.pictures / "text.png", 7)
    write_photograph(house.pictures / "new.png", 8)
    again = house.dream()
    assert (again["computed"], again["reused"]) == (2, 2)
    assert {one["title"] for one in again["pictures"] if one["how"] == "computed"} == {"text.png", "new.png"}


def test_octave_and_step_within_a_picture_are_told_where_it_takes_long(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.dream.dreams.SECONDS_UNTIL_STEPS_ARE_REPORTED", -1)
    write_photograph(house.pictures / "rose.png")
    heard = []
    with listen(lambda *said: heard.append(said)):
        house.dream()
    within = [said for said in heard if said[0] == "rose.png"]
    assert "octave 1 of 2" in within[0][3]
    assert within[-2][3].startswith("octave 2 of 2, 52x37, step ")
    assert all(done < total for _, done, total, *_ in within[:-1])
    assert within[-1][1] == within[-1][2]  # it is over
    assert [said[1:3] for said in heard if said[0] == "dreams"] == [(0, 1), (1, 1)]


def test_what_a_dream_waits_for_is_told(house: House) -> None:
    write_photograph(house.pictures / "rose.png")
    heard: list[str] = []
    with listen(lambda what, *_: heard.append(what)):
        house.dream()
        house.dream(settings=replace(SETTINGS, objective="Conv2D_1"))
    assert any(what.startswith("loading model/") for what in heard)
    assert {"tracing the network", "tracing Conv2D_1"} <= set(heard)


def test_the_same_again_computes_nothing_and_mends_the_folder(house: House) -> None:
    write_photograph(house.pictures / "rose.png")
    house.dream()
    before = (house.out / "rose.png.png").read_bytes()
    (house.out / "rose.png.png").unlink()
    again = house.dream()
    assert (again["computed"], again["reused"]) == (0, 1)
    assert (house.out / "rose.png.png").read_bytes() == before


def test_the_same_seed_gives_the_same_bytes_in_another_store(house: House, tmp_path: Path, registered: Path) -> None:
    for number in range(4):  # they are dreamed at the same time
        write_photograph(house.pictures / f"{number}.png", number)
    house.dream()
    other = House.at(tmp_path / "other", registered)
    other.dream(pictures=[str(house.pictures)])
    for name in house.made():
        assert (house.out / name).read_bytes() == (other.out / name).read_bytes()
    third = House.at(tmp_path / "third", registered)
    third.dream(pictures=[str(house.pictures)], settings=DreamSettings(octaves=2, steps=3, seed=5))
    assert (third.out / "0.png.png").read_bytes() != (house.out / "0.png.png").read_bytes()


def test_a_dream_leads_back_to_its_file_and_its_model(house: House) -> None:
    write_photograph(house.pictures / "rose.jpg")
    summary = house.dream()
    record = house.store.record(summary["pictures"][0]["record"])
    given = {item.role: item.digest for item in record.inputs}
    assert house.store.get(given["picture"]) == (house.pictures / "rose.jpg").read_bytes()
    assert (
        given["model"]
        == house.store.record(house.store.ref("model/latest").removeprefix("record:")).output("model").digest
    )
    (root,) = lineage.up(house.store, record.key)
    tasks = {node.record.task for node in root.walk() if node.record is not None}
    assert {"dream", "original", "register"} <= tasks


def test_a_dream_tells_in_its_file_how_it_was_made(house: House) -> None:
    write_photograph(house.pictures / "rose.jpg")
    summary = house.dream()
    data = (house.out / "rose.jpg.png").read_bytes()
    about = read_about(data)
    assert about is not None
    record = house.store.record(summary["pictures"][0]["record"])
    assert about["recipe"] == record.recipe
    assert about["role"] == "picture"
    assert about["parameters"]["objective"] == "Conv2D_2"
    text = json.dumps(about)
    assert summary["run"] not in text
    assert record.started[:10] not in text


def test_a_pass_begins_with_the_dream_of_the_one_before(house: House) -> None:
    write_photograph(house.pictures / "rose.png")
    summary = house.dream(passes=3, zoom=1.1, rotation=5, animation="gif")
    records = {one["title"]: house.store.record(one["record"]) for one in summary["pictures"]}
    first, second, last = (records[name] for name in ("rose.png/pass 1", "rose.png/pass 2", "rose.png"))
    assert second.recipe_inputs["picture"] == first.output("picture").digest
    assert last.recipe_inputs["picture"] == second.output("picture").digest
    assert house.made() == {"rose.png.png", "rose.png.pass-1.png", "rose.png.pass-2.png", "rose.png.gif"}
    with Image.open(house.out / "rose.png.gif") as film:
        assert film.n_frames == 4  # the picture itself, and three passes
    # another pass reuses those that are there
    longer = house.dream(passes=4, zoom=1.1, rotation=5)
    assert (longer["computed"], longer["reused"]) == (1, 3)


def test_a_tour_shows_every_map_of_a_layer_on_one_sheet(house: House) -> None:
    write_photograph(house.pictures / "rose.png")
    summary = house.dream(tour="Conv2D_2")
    assert summary["computed"] == MAPS["Conv2D_2"]
    assert {one["title"] for one in summary["pictures"]} == {
        f"rose.png/{unit}" for unit in UNITS if unit.startswith("Conv2D_2")
    }
    assert {f"rose.png.Conv2D_2/{index}.png" for index in range(6)} | {"rose.png.Conv2D_2.png"} == house.made()
    different = {(house.out / f"rose.png.Conv2D_2/{index}.png").read_bytes() for index in range(6)}
    assert len(different) > 3
    about = read_about((house.out / "rose.png.Conv2D_2.png").read_bytes())
    (sheet,) = (record for record in house.store.records() if record.task == "tour")
    assert about == {"recipe": sheet.recipe, "task": "tour", "parameters": dict(sheet.parameters), "role": "sheet"}


@pytest.mark.parametrize("how", ["strength", "mask"])
def test_where_nothing_is_dreamed_the_picture_stays_to_the_bit(house: House, how: str) -> None:
    write_photograph(house.pictures / "rose.png")
    Image.new("L", (5, 5)).save(house.root / "black.png")
    changes: dict[str, Any] = {"mask": house.root / "black.png"}
    if how == "strength":
        changes = {"settings": DreamSettings(octaves=2, steps=3, strength=0.0)}
    house.dream(**changes)
    assert np.array_equal(pixels(house.out / "rose.png.png"), pixels(house.pictures / "rose.png"))


def test_masks_in_a_folder_belong_to_pictures_of_their_names(house: House) -> None:
    write_photograph(house.pictures / "garden" / "rose.jpg")
    write_photograph(house.pictures / "lily.png", 3)
    (house.root / "masks" / "garden").mkdir(parents=True)
    half = np.zeros((37, 52), np.uint8)
    half[:, 26:] = 255
    Image.fromarray(half).save(house.root / "masks" / "garden" / "rose.png")
    summary = house.failing(mask=house.root / "masks")
    assert set(summary["failures"]) == {"lily.png"}
    assert "mask" in summary["failures"]["lily.png"]
    dreamed, source = pixels(house.out / "garden" / "rose.jpg.png"), pixels(house.pictures / "garden" / "rose.jpg")
    assert np.array_equal(dreamed[:, :26], source[:, :26])
    assert not np.array_equal(dreamed[:, 26:], source[:, 26:])


def test_a_guide_changes_the_dream_and_is_among_what_it_was_made_of(house: House) -> None:
    write_photograph(house.pictures / "rose.png")
    write_photograph(house.root / "guide.jpg", 9)
    house.dream()
    before = pixels(house.out / "rose.png.png")
    summary = house.dream(guide=house.root / "guide.jpg")
    assert not np.array_equal(pixels(house.out / "rose.png.png"), before)
    inputs = {item.role: item.digest for item in house.store.record(summary["pictures"][0]["record"]).inputs}
    assert house.store.get(inputs["guide"]) == (house.root / "guide.jpg").read_bytes()


def test_a_picture_that_is_added_while_it_runs_waits_for_the_next_run(house: House) -> None:
    from tasks.session.progress import listen

    write_photograph(house.pictures / "first.png")

    def add(*_: object) -> None:
        write_photograph(house.pictures / "added.png", 1)

    with listen(add):
        summary = house.dream()
    assert (house.pictures / "added.png").is_file()
    assert [one["title"] for one in summary["pictures"]] == ["first.png"]
    again = house.dream()
    assert [one["title"] for one in again["pictures"] if one["how"] == "computed"] == ["added.png"]


def test_after_a_kill_the_same_again_dreams_exactly_the_rest(house: House, prefect_server: str) -> None:
    for number in range(6):
        write_photograph(house.pictures / f"{number}.png", number, size=(150, 200))
    script = (
        "import sys; from flows.dream import dream; from flows.forms.parameters import DreamParameters\n"
        "dream(DreamParameters.model_validate_json(sys.argv[1]))"
    )
    slow = DreamSettings(octaves=2, steps=80)
    asked = house.parameters(settings=slow).model_dump_json()
    environment = os.environ | {"PREFECT_API_URL": prefect_server}
    process = subprocess.Popen([sys.executable, "-c", script, asked], env=environment, start_new_session=True)
    give_up = time.monotonic() + 120

    def finished() -> set[str]:
        return {name for name in house.made() if not name.startswith(".")}

    while not finished() and time.monotonic() < give_up:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    before = len(finished())
    assert 0 < before < 6
    again = house.dream(settings=slow)
    assert again["reused"] >= before
    assert again["computed"] == 6 - again["reused"] > 0
    assert house.made() == {f"{number}.png.png" for number in range(6)}, "and nothing that the kill left unfinished"
    assert verify.verify(house.store).clean


def test_at_the_deadline_dreams_are_left_and_the_next_run_makes_them(house: House) -> None:
    for number in range(3):
        write_photograph(house.pictures / f"{number}.png", number)
    house.dream(pictures=[str(house.pictures / "0.png")])
    state = dream(house.parameters(budget=1e-9), return_state=True)
    assert state.name == "Partial"
    summary = state.result()
    assert summary["left"] == 2  # of that which was there already nothing is left
    assert summary["reused"] == 1
    assert house.dream()["computed"] == 2


def test_the_folder_of_the_dreams_is_not_dreamed_of_and_what_is_not_ours_stays(house: House) -> None:
    write_photograph(house.pictures / "rose.png")
    out = house.pictures / "dreams"
    house.dream(out=out)
    assert house.dream(out=out)["reused"] == 1
    (out / "rose.png.png").write_bytes(b"somebody else's")
    summary = house.failing(out=out)
    assert set(summary["failures"]) == {"rose.png"}
    assert (out / "rose.png.png").read_bytes() == b"somebody else's"


def test_the_frames_of_an_animation_are_dreamed_each(house: House) -> None:
    frames = [Image.fromarray(photograph(number, channels=1)) for number in range(3)]
    house.pictures.mkdir()
    frames[0].save(house.pictures / "moving.gif", save_all=True, append_images=frames[1:], duration=80)
    house.dream()
    with Image.open(house.out / "moving.gif.png") as dreamed:
        assert dreamed.n_frames == 3
        assert dreamed.info["duration"] == 80


def test_what_cannot_be_dreamed_at_all_is_refused_before_any_picture(house: House) -> None:
    from lib.errors import BadInput

    write_photograph(house.pictures / "rose.png")
    for changes, words in (
        ({"pictures": [str(house.root / "nowhere")]}, "nowhere"),
        ({"settings": DreamSettings(objective="Conv2D_9")}, "Conv2D_9"),
        ({"settings": DreamSettings(objective="classes/1")}, "tiles"),
        ({"settings": DreamSettings(colours="dreamed")}, "colour"),
        ({"patterns": ["*.tiff"]}, "no pictures"),
    ):
        with pytest.raises(BadInput, match=words):
            house.dream(**changes)
    assert not house.out.exists()


def test_an_error_of_pages_fails_its_picture_alone_in_one_line(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed, name in enumerate(("bad.png", "good.png")):
        write_photograph(house.pictures / name, seed)
    as_it_is, bad = Dreamer.dream, np.asarray(Image.open(house.pictures / "bad.png"))

    def dream(self: Dreamer, source: Any, **how: Any) -> Any:
        if np.array_equal(source, bad):
            raise RuntimeError("node\n" * 1000)
        return as_it_is(self, source, **how)

    monkeypatch.setattr(Dreamer, "dream", dream)
    summary = house.failing()
    assert [one["title"] for one in summary["pictures"]] == ["good.png"]
    (message,) = summary["failures"].values()
    assert message.startswith("RuntimeError: node node")
    assert "\n" not in message
    assert len(message) <= 500


def test_the_strip_of_a_carved_picture_lies_beside_it(house: House) -> None:
    write_photograph(house.pictures / "rose.png")
    house.dream(settings=DreamSettings(mode="carve", steps=3, rounds=2, objective="Conv2D_2/3"))
    assert house.made() == {"rose.png.png", "rose.png.strip.png"}
    with Image.open(io.BytesIO((house.out / "rose.png.strip.png").read_bytes())) as strip:
        assert strip.width > 3 * strip.height / 2


def test_links_that_lead_outside_of_what_is_allowed_fail_alone(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_photograph(house.pictures / "rose.png")
    write_photograph(house.pictures / "garden" / "lily.png", 2)
    write_photograph(house.pictures / "masked.png", 3)
    write_photograph(tmp_path / "private" / "secret.png", 4)
    for name in ("link.png", "garden/link to a folder"):
        (house.pictures / name).symlink_to(tmp_path / "private" / ("secret.png" if name == "link.png" else ""))
    masks = house.root / "masks"
    for name in ("rose.png", "garden/lily.png"):
        write_photograph(masks / name, 5, channels=1)
    (masks / "masked.png").symlink_to(tmp_path / "private" / "secret.png")
    monkeypatch.setenv("DREAMSWEEP_ALLOWED_ROOTS", json.dumps([str(house.root)]))
    monkeypatch.setenv("DREAMSWEEP_STORE", house.store.root)
    summary = house.failing(mask=masks)
    assert {one["title"] for one in summary["pictures"]} == {"rose.png", "garden/lily.png"}
    refused = {"link.png", "garden/link to a folder", "masked.png"}
    assert set(summary["failures"]) == refused
    for message in summary["failures"].values():
        assert re.search("outside of what may be used here|a link to a .* that may not be used here", message), message
    secret = (tmp_path / "private" / "secret.png").read_bytes()
    assert not any(house.store.get(blob.digest) == secret for one in house.store.records() for blob in one.outputs)


def test_guides_masks_and_folders_of_any_name_will_do(house: House) -> None:
    odd = os.fsdecode(b"caf\xe9 100%41\n.png")
    for seed, name in enumerate(("pictures", "guide", "mask")):
        write_photograph(house.root / name / odd, seed)
    guide, mask = (house.root / name / odd for name in ("guide", "mask"))
    summary = house.dream(out=house.root / "out" / odd, guide=guide, mask=mask)
    assert (house.root / "out" / odd / f"{odd}.png").is_file()
    assert summary["out"].isprintable()
    assert str(house.store.run(summary["run"]).parameters["guide"]).endswith("/guide/caf%E9 100%2541%0A.png")


def test_the_command_runs_what_failed_again_and_exports_every_pass(
    house: House, cli: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("flows.cli.at_work.at_work", lambda place: nullcontext())
    write_photograph(house.pictures / "rose.png")
    house.dream()  # what is the only pass here is an earlier one below
    (house.pictures / "lily.png").write_bytes(b"")
    summary = house.failing(passes=2)
    write_photograph(house.pictures / "lily.png", 2)
    code, out, err = cli("rerun", "--store", house.root / "store", "--json")
    assert code == 0, err
    again = json.loads(out)
    assert again["run"] != summary["run"]
    assert (again["computed"], again["reused"], again["left"]) == (2, 2, 0)
    folder = tmp_path / "exported"
    code, _, err = cli("export", again["run"], "--store", house.root / "store", "--out", folder)
    assert code == 0, err
    for name in ("rose.png", "lily.png"):
        for one, other in ((f"{name}.png", f"{name}.png"), (f"{name}/pass 1.png", f"{name}.pass-1.png")):
            assert (folder / "dreams" / one).read_bytes() == (house.out / other).read_bytes()
