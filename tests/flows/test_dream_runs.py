"""What the commands and the pages show of a dream's run: made with the storage API alone, without a network."""

import html
import json
import re
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import pytest

from flows.web.access import Access, authorization
from flows.web.listening import LOCALHOST, address_of, listen, port_of
from flows.web.picture_server import PictureServer, picture_app
from storage.store import NewOutput, Record, Store
from tasks.dream.pieces import animation_title, mask_title, tour_title
from tasks.session.originals import original_title

CLI = Callable[..., tuple[int, str, str]]
PNG = "image/png"
MODEL = "model/digits-1de27171"
ODD = "garden/<script>alert(1)</script>&'\" #1?.png"
LONG = "ルーズ" * 40 + ".jpg"


@dataclass
class Dreamt:
    """A store with runs of dreams; `parameters` are those of each of them."""

    root: Path
    commit: Callable[..., Record]
    runs: dict[str, str] = field(default_factory=dict)

    @property
    def store(self) -> Store:
        return Store.open(self.root)

    def parameters(self, **changes: Any) -> dict[str, Any]:
        from flows.forms.parameters import DreamParameters

        asked = {"pictures": [str(self.root.parent / "pictures")], "out": self.root.parent / "dreams"} | changes
        return DreamParameters(store=str(self.root), **asked).model_dump(mode="json")

    def dream(self, title: str, data: bytes, **outputs: bytes) -> Record:
        """Commit a dream that was first made under this title."""
        climbs = [[{"name": "octave 1 of 1", "values": [0.25, 1.5]}]]
        about = {"title": title, "climbs": climbs}
        made = [NewOutput("picture", data, "picture", PNG, "uint8", (1, 4, 4, 3), about)]
        made += [NewOutput(role, one, "picture", PNG, attributes={"title": title}) for role, one in outputs.items()]
        return self.commit(self.store, "dream", {"objective": "Conv2D_3", "bytes": data.hex()}, made)

    def other(self, task: str, role: str, data: bytes, media_type: str = PNG, **said: Any) -> Record:
        """Commit what is no dream."""
        output = NewOutput(role, data, role, media_type, attributes=said)
        return self.commit(self.store, task, {"bytes": data.hex(), **said}, [output])

    def run(self, name: str, made: dict[str, Record], failed: dict[str, str] | None = None, **changes: Any) -> None:
        """Leave a closed run in which all was computed."""
        run = self.store.open_run("dream", self.parameters(**changes))
        for title, record in made.items():
            run.add(title, record, "computed")
        for title, message in (failed or {}).items():
            run.fail(title, message)
        run.close("failed" if failed else "completed", {"model": MODEL, "objective": "Conv2D_3", "files": {}})
        self.runs[name] = run.id


@pytest.fixture
def dreamt(tmp_path: Path, committing: Callable[..., Record], monkeypatch: pytest.MonkeyPatch) -> Dreamt:
    """A run of pictures of which one failed, one of passes, and one of a tour."""
    made = Dreamt(tmp_path / "store", committing)
    monkeypatch.setenv("DREAMSWEEP_STORE", str(made.root))
    given = made.other("original", "original", b"a photograph", "image/jpeg")
    names = ("rose.jpg", "garden/rose.jpg", ODD, LONG)
    dreams = {name: made.dream(name, f"dream {name}".encode(), strip=f"strip {name}".encode()) for name in names}
    dreams["copy of rose.jpg"] = dreams["rose.jpg"]  # of the same bytes
    belonging = {original_title(name): given for name in dreams} | {mask_title("rose.jpg"): given}
    made.run("pictures", {**dreams, **belonging}, {"<b>bad</b>.png": "<b>bad</b>.png is empty: the file has 0 bytes"})
    # pass 2 was the last one in an earlier run
    passes = {
        "rose.jpg/pass 1": made.dream("rose.jpg/pass 1", b"1"),
        "rose.jpg/pass 2": made.dream("rose.jpg", b"2"),
        "rose.jpg": made.dream("rose.jpg", b"3"),
        animation_title("rose.jpg"): made.other("animation", "animation", b"film", "image/webp", title="rose.jpg"),
    }
    made.run("passes", {**passes, original_title("rose.jpg"): given}, passes=3, animation="webp")
    maps = {f"{ODD}/Conv2D_3/{index}": made.dream(f"{ODD}/Conv2D_3/{index}", b"map %d" % index) for index in (0, 56)}
    sheet = made.other("tour", "sheet", b"sheet", layer="Conv2D_3", title=f"Conv2D_3 {ODD}")
    made.run("tour", {**maps, tour_title("Conv2D_3", ODD): sheet, original_title(ODD): given}, tour="Conv2D_3")
    return made


@pytest.fixture
def client(dreamt: Dreamt) -> Iterator[httpx.Client]:
    """Asks the picture server of that store."""
    listening = listen(LOCALHOST, None, 0)
    address = address_of(LOCALHOST, port_of(listening))
    access = Access(dreamt.root.parent / "prefect")
    server = PictureServer(picture_app(str(dreamt.root), LOCALHOST, dreamt.root.parent / "gallery", access), listening)
    says = {"Authorization": authorization(access.password)}
    with server, httpx.Client(base_url=address, headers=says, trust_env=False) as client:
        yield client


class Seen(HTMLParser):
    """What a browser makes of a page: addresses of its pictures, its links, the elements that it has, its words."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.pictures: list[str] = []
        self.links: list[str] = []
        self.elements: set[str] = set()
        self.words = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Called by HTMLParser."""
        told = dict(attrs)
        self.elements |= set() if tag == "script" and "src" in told else {tag}
        self.pictures += [str(told["src"])] if tag == "img" else []
        self.links += [str(told["href"])] if tag == "a" else []

    def handle_data(self, data: str) -> None:
        """Called by HTMLParser."""
        self.words += data


def opened(client: httpx.Client, run: str) -> tuple[Seen, list[bytes]]:
    """The page of a run, and its pictures as a browser would find them."""
    answer = client.get(f"/runs/{run}/", follow_redirects=True)
    assert answer.status_code == 200
    seen = Seen(answer.text)
    pictures = [client.get(str(answer.url.join(address))) for address in seen.pictures]
    assert [picture.status_code for picture in pictures] == [200] * len(pictures)
    return seen, [picture.content for picture in pictures]


def test_the_page_of_a_run_shows_its_dreams_and_what_failed(dreamt: Dreamt, client: httpx.Client) -> None:
    seen, pictures = opened(client, dreamt.runs["pictures"])
    names = ["copy of rose.jpg", "garden/rose.jpg", "rose.jpg", ODD, LONG]
    assert all(name in seen.words for name in names)
    wanted = [f"dream {name}".encode() for name in ("rose.jpg", "garden/rose.jpg", "rose.jpg", ODD, LONG)]
    assert sorted(pictures) == sorted(wanted)  # and no original, which a browser may not know
    assert "<b>bad</b>.png: <b>bad</b>.png is empty: the file has 0 bytes" in seen.words
    assert "5 computed, 1 failed" in seen.words


def test_names_on_a_page_of_dreams_are_text_and_never_markup(dreamt: Dreamt, client: httpx.Client) -> None:
    for name in dreamt.runs:
        seen, _ = opened(client, dreamt.runs[name])
        assert not seen.elements & {"script", "b"}
    assert not Seen(client.get("/gallery/runs/").text).elements & {"script", "b"}


def test_the_page_of_a_tour_shows_its_sheet_first_and_then_each_map(dreamt: Dreamt, client: httpx.Client) -> None:
    seen, pictures = opened(client, dreamt.runs["tour"])
    assert pictures == [b"sheet", b"map 0", b"map 56"]
    assert f"{ODD}/Conv2D_3/56" in seen.words
    assert "2 computed" in seen.words


def test_the_page_of_passes_shows_each_of_them(dreamt: Dreamt, client: httpx.Client) -> None:
    seen, pictures = opened(client, dreamt.runs["passes"])
    assert sorted(pictures) == [b"1", b"2", b"3"]
    assert "rose.jpg/pass 2" in seen.words


def test_links_of_reports_lead_to_the_pictures(
    dreamt: Dreamt, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.results import reports
    from flows.results.dream_summary import dreams_summary

    monkeypatch.setattr(reports, "thumbnail", lambda png: (b"small", False))
    monkeypatch.setenv("DREAMSWEEP_PICTURES_URL", str(client.base_url))
    summary = dreams_summary(dreamt.store, dreamt.runs["tour"])
    title = tour_title("Conv2D_3", ODD)
    summary["extras"] = [{"title": title, "record": dreamt.store.run(dreamt.runs["tour"]).units[title].record}]
    text = "\n\n".join(reports.dream_lines(dreamt.store, {**summary, "failures": {"<b>": "*why*"}}))
    links = re.findall(r"\[The dream, whole\]\(([^)]*)\)", text)
    assert [client.get(html.unescape(link)).content for link in links] == [b"sheet", b"map 0", b"map 56"]
    assert not re.search(r"(?<!\\)[<>]", text)
    assert r"\<b\>: \*why\*" in text


def test_runs_lists_a_dream_with_what_came_of_it(cli: CLI, dreamt: Dreamt) -> None:
    code, out, _ = cli("runs", "--json")
    assert code == 0
    listed = {run["run"]: run for run in json.loads(out)["runs"]}
    told = {name: listed[run] for name, run in dreamt.runs.items()}
    assert {run["flow"] for run in told.values()} == {"dream"}
    assert [told["pictures"][what] for what in ("state", "computed", "reused", "failed")] == ["failed", 5, 0, 1]
    assert (told["passes"]["computed"], told["tour"]["computed"]) == (3, 2)
    assert not any(run["verdicts"] for run in told.values())
    code, out, _ = cli("runs")
    assert code == 0
    assert "dream of model/digits-1de27171" in " ".join(out.split())


@pytest.mark.parametrize("name", ["pictures", "passes", "tour"])
def test_show_tells_a_run_of_dreams(cli: CLI, dreamt: Dreamt, name: str) -> None:
    code, out, err = cli("show", dreamt.runs[name])
    assert code == 0, err
    assert f"run {dreamt.runs[name]}  dream" in out
    if name == "pictures":
        assert "5 computed, 0 reused, 1 failed" in out
        assert "<b>bad</b>.png is empty: the file has 0 bytes" in out
    code, out, _ = cli("show", dreamt.runs[name], "--json")
    assert json.loads(out)["flow"] == "dream"
    assert json.loads(out)["verdicts_by_layer"] == {}


def test_show_tells_a_dream(cli: CLI, dreamt: Dreamt) -> None:
    key = dreamt.store.run(dreamt.runs["pictures"]).units["garden/rose.jpg"].record
    code, out, err = cli("show", key)
    assert code == 0, err
    assert out.startswith("dream garden/rose.jpg")
    assert "strip" in out


def exported(cli: CLI, run: str, folder: Path) -> dict[str, bytes]:
    """What a run is exported to, but for its records, of which each group of files has one."""
    code, _, err = cli("export", run, "--out", folder)
    assert code == 0, err
    files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    records = {name: files.pop(name) for name in list(files) if name.startswith("records/")}
    assert all(json.loads(record)["key"] for record in records.values())
    assert records
    return files


def test_each_dream_is_exported_under_the_name_that_the_run_has_for_it(
    cli: CLI, dreamt: Dreamt, tmp_path: Path
) -> None:
    files = exported(cli, dreamt.runs["pictures"], tmp_path / "out")
    for name in ("rose.jpg", "copy of rose.jpg", "garden/rose.jpg"):
        of = name.removeprefix("copy of ")
        assert files[f"dreams/{name}.png"] == f"dream {of}".encode()
        assert files[f"dreams/{name}.strip.png"] == f"strip {of}".encode()
    assert len(files) == 10
    assert sorted(set(files.values())) == sorted(
        f"{what} {name}".encode() for what in ("dream", "strip") for name in ("rose.jpg", "garden/rose.jpg", ODD, LONG)
    )


def test_passes_and_films_are_exported_beside_each_other(cli: CLI, dreamt: Dreamt, tmp_path: Path) -> None:
    assert exported(cli, dreamt.runs["passes"], tmp_path / "out") == {
        "dreams/rose.jpg/pass 1.png": b"1",
        "dreams/rose.jpg/pass 2.png": b"2",
        "dreams/rose.jpg.png": b"3",
        "dreams/rose.jpg.webp": b"film",
    }


def test_a_tour_is_exported_with_its_sheet(cli: CLI, dreamt: Dreamt, tmp_path: Path) -> None:
    files = exported(cli, dreamt.runs["tour"], tmp_path / "out")
    assert sorted(files.values()) == [b"map 0", b"map 56", b"sheet"]
    (sheet,) = [name for name, data in files.items() if data == b"sheet"]
    assert sheet.startswith("dreams/Conv2D_3 garden/")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The parameters that the flow was given."""
    import flows.dream

    seen: list[Any] = []

    def flow(parameters: Any) -> Any:
        seen.append(parameters)
        told = dict.fromkeys(("run", "model", "objective", "out"), "?")
        return told | {
            "computed": 0,
            "reused": 1,
            "left": 0,
            "seconds": 1,
            "failures": {},
            "pictures": [],
            "extras": [],
        }

    monkeypatch.setattr("flows.cli.at_work.at_work", lambda place: nullcontext())
    monkeypatch.setattr(flows.dream, "dream", flow)
    return seen


def test_a_run_of_dreams_is_run_again_as_it_was(cli: CLI, dreamt: Dreamt, asked: list[Any], tmp_path: Path) -> None:
    code, _, err = cli("rerun", dreamt.runs["passes"])
    assert code == 0, err
    (parameters,) = asked
    assert parameters.model == MODEL  # that which it was, whichever is the latest by now
    wanted = dreamt.parameters(passes=3, animation="webp", model=MODEL)
    assert parameters.model_dump(mode="json") == wanted
    cli("rerun", dreamt.runs["passes"], "--out", tmp_path / "elsewhere", "--budget", "30")
    assert (asked[-1].out, asked[-1].budget) == (tmp_path / "elsewhere", 30)
    assert (tmp_path / "elsewhere").is_dir()


def test_without_a_run_the_latest_that_failed_is_dreamed_again(cli: CLI, dreamt: Dreamt, asked: list[Any]) -> None:
    assert cli("rerun")[0] == 0
    assert asked[0].model_dump(mode="json") == dreamt.parameters(model=MODEL)  # of pictures, not of passes or a tour
    dreamt.run("finished", {})
    code, _, err = cli("rerun")
    assert (code, "no sweep, dream, analysis or training is unfinished" in err) == (2, True)
