"""A dream that was mailed, changed or saved as JPEG still leads back to how it was made."""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lib.pictures.files import Picture
from lib.pictures.png import encode_png
from storage.record import Input, NewOutput, Record
from tests.flows.conftest import IDENTITY, SmallStore

CLI = Callable[..., tuple[int, str, str]]
PARAMETERS: dict[str, Any] = {"mode": "octaves", "objective": "Conv2D_3/56", "octaves": 4, "strength": 1.0}
PIXELS = np.random.default_rng(0).integers(0, 256, (1, 20, 30, 3), np.uint8)


@dataclass
class Gallery:
    """The small store, and in it dreams of one picture in three passes."""

    small: SmallStore
    original: Record
    passes: list[Record]

    def data(self, number: int) -> bytes:
        """The file of a pass."""
        return self.small.store.get(self.passes[number].output("picture").digest)


@pytest.fixture
def gallery(small: SmallStore, committing: Callable[..., Record], monkeypatch: pytest.MonkeyPatch) -> Gallery:
    from storage.recipe import Recipe

    monkeypatch.setenv("DREAMSWEEP_STORE", str(small.root))
    given = encode_png(Picture(PIXELS))
    original = committing(small.store, "original", {}, [NewOutput("original", given, "original", "image/png")])
    digest, passes = original.output("original").digest, []
    for number in (1, 2, 3):
        inputs = [Input("picture", digest), Input("model", small.model.output("model").digest)]
        recipe = Recipe("dream", 1, PARAMETERS, {item.role: item.digest for item in inputs})
        about = {"recipe": recipe.digest, "task": "dream", "parameters": PARAMETERS, "role": "picture"}
        about["inputs"] = {"picture": digest, "model": IDENTITY}
        png = encode_png(Picture(PIXELS + np.uint8(number)), about)
        title = f"garden/rose.jpg pass {number}"
        output = NewOutput("picture", png, "picture", "image/png", attributes={"title": title})
        passes.append(committing(small.store, "dream", PARAMETERS, [output], inputs))
        assert passes[-1].recipe == recipe.digest
        digest = passes[-1].output("picture").digest
    return Gallery(small, original, passes)


def as_jpeg(data: bytes) -> bytes:
    """Half as large and as JPEG, as a program saves it that keeps EXIF."""
    image = Image.open(io.BytesIO(data))
    buffer = io.BytesIO()
    image.resize((15, 10)).save(buffer, "JPEG", exif=image.info["exif"])
    return buffer.getvalue()


def answer(cli: CLI, *arguments: object) -> Any:
    code, out, err = cli(*arguments, "--json")
    assert code == 0, err
    return json.loads(out)


def words(text: str) -> str:
    return " ".join(text.replace("│", " ").split())


def test_an_exported_dream_leads_to_its_picture_and_its_network(cli: CLI, gallery: Gallery, tmp_path: Path) -> None:
    (tmp_path / "rose.png").write_bytes(gallery.data(0))
    lineage = answer(cli, "lineage", tmp_path / "rose.png")
    assert lineage["said"] is None
    assert {record["task"] for record in lineage["records"].values()} >= {"dream", "original", "model"}


@pytest.mark.parametrize("change", [as_jpeg, lambda data: data[:-12] + b"\0\0\0\0IEND\xaeB`\x82" + b"more"])
def test_a_changed_copy_leads_to_the_dream_that_it_was(
    cli: CLI, gallery: Gallery, tmp_path: Path, change: Callable[[bytes], bytes]
) -> None:
    copy = tmp_path / "mailed picture.jpg"
    copy.write_bytes(change(gallery.data(1)))
    lineage = answer(cli, "lineage", copy)
    assert lineage["roots"] == [gallery.passes[1].key]
    assert lineage["said"]["parameters"] == PARAMETERS
    shown = answer(cli, "show", copy)
    assert shown["digest"] == gallery.passes[1].output("picture").digest
    assert shown["said"]["role"] == "picture"
    for command in ("lineage", "show"):
        code, out, _ = cli(command, copy)
        assert code == 0
        assert "it was changed, or saved anew. It says that it is the picture of the following." in out
        assert "dream garden/rose.jpg pass 2" in out


@pytest.mark.parametrize("command", ["lineage", "show"])
def test_a_dream_from_elsewhere_says_itself_how_it_was_made(
    cli: CLI, gallery: Gallery, tmp_path: Path, command: str
) -> None:
    original, model = gallery.original.output("original").digest, IDENTITY
    about = {"recipe": "0" * 64, "task": "dream", "role": "picture", "parameters": PARAMETERS}
    about["inputs"] = {"picture": "1" * 64, "source": original, "model": model}
    (tmp_path / "mailed.png").write_bytes(encode_png(Picture(PIXELS), about))
    assert answer(cli, command, tmp_path / "mailed.png")["said"] == about
    code, out, _ = cli(command, tmp_path / "mailed.png")
    assert code == 0
    assert "mailed.png is not of this store" in out
    for line in (
        "objective: Conv2D_3/56",
        f"recipe {'0' * 64}",
        f"picture: {'1' * 64} (not in this store)",
        f"source: {original} (in this store: file as it was given)",
        f"model: {model} (in this store: trained model)",
    ):
        assert line in words(out)


@pytest.mark.parametrize("command", ["lineage", "show"])
def test_a_dream_speaks_for_itself_where_there_is_no_store(
    cli: CLI, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("DREAMSWEEP_STORE", str(tmp_path / "nowhere"))
    about = {"recipe": "0" * 64, "role": "picture", "parameters": PARAMETERS, "inputs": {"picture": "1" * 64}}
    (tmp_path / "mailed.png").write_bytes(encode_png(Picture(PIXELS), about))
    assert answer(cli, command, tmp_path / "mailed.png")["said"] == about
    code, out, _ = cli(command, tmp_path / "mailed.png")
    assert code == 0
    assert "objective: Conv2D_3/56" in words(out)
    assert not (tmp_path / "nowhere").exists()
    (tmp_path / "holiday.png").write_bytes(encode_png(Picture(PIXELS)))
    code, _, err = cli(command, tmp_path / "holiday.png")
    assert code == 2
    assert "there is no store at" in err


def test_what_a_stranger_wrote_into_a_file_does_not_steer_the_terminal(
    cli: CLI, gallery: Gallery, tmp_path: Path
) -> None:
    about = {"recipe": "0" * 64, "parameters": {"objective": "\x1b[2J[red]a\r\nb[/red]\u202e"}, "role": ["x"]}
    (tmp_path / "mailed.png").write_bytes(encode_png(Picture(PIXELS), about))
    code, out, _ = cli("lineage", tmp_path / "mailed.png")
    assert code == 0
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert "objective: %1B[2J[red]a%0D b[/red]%E2%80%AE" in out


def test_a_file_that_says_nothing_of_itself_is_one_line_and_exit_code_2(
    cli: CLI, gallery: Gallery, tmp_path: Path
) -> None:
    (tmp_path / "holiday.png").write_bytes(encode_png(Picture(PIXELS + np.uint8(99))))
    for command in ("lineage", "show"):
        code, out, err = cli(command, tmp_path / "holiday.png")
        assert (code, out) == (2, "")
        assert "holiday.png did not come from the store" in err
        assert err.count("\n") == 1


def test_the_passes_of_a_dream_are_told_as_one_chain(cli: CLI, gallery: Gallery, tmp_path: Path) -> None:
    (tmp_path / "rose.png").write_bytes(gallery.data(2))
    _, out, _ = cli("lineage", tmp_path / "rose.png")
    assert "2 others of this task, each made from the one before" in words(out)
    assert "file as it was given" in out


def test_dreams_that_depend_on_a_network_are_told(cli: CLI, gallery: Gallery) -> None:
    _, out, _ = cli("lineage", "--down", "model/latest")
    assert "8 pictures depend on it" in out
    for number in (1, 2, 3):
        assert f"dream garden/rose.jpg pass {number}" in out
    pictures = answer(cli, "lineage", "--down", "model/latest")["pictures"]
    assert {record.output("picture").digest for record in gallery.passes} <= {p["digest"] for p in pictures}


def test_of_the_dreams_of_a_folder_one_is_drawn(cli: CLI, gallery: Gallery, committing: Callable[..., Record]) -> None:
    store = gallery.small.store
    run = store.open_run("dream", {})
    for number in range(5):
        given = NewOutput("original", f"file {number}".encode(), "original", "image/jpeg")
        original = committing(store, "original", {"n": number}, [given])
        inputs = [Input("picture", original.output("original").digest)]
        dream = NewOutput(
            "picture", f"dream {number}".encode(), "picture", "image/png", attributes={"title": f"{number}.jpg"}
        )
        record = committing(store, "dream", PARAMETERS, [dream], inputs)
        run.add(f"original {number}", original, "computed")
        run.add(f"{number}.jpg", record, "computed")
    run.close("completed", {})
    code, out, _ = cli("lineage", run.id)
    assert code == 0
    assert "dream 0.jpg, and 4 more alike" in out
    assert "dream 1.jpg" not in out
    assert "file as it was given, and 4 more alike" in out
