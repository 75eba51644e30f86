"""ARCHITECTURE.md and the design say what is so: files and functions exist, and the plan is import-linter's."""

import ast
import re
import tomllib
from functools import cache
from pathlib import Path

import pytest

from tests.test_contributing import written

HOUSE = Path(__file__).parents[1]
ARCHITECTURE = (HOUSE / "ARCHITECTURE.md").read_text()
PAGES = ("ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "docs/design/storage.md", "docs/design/measured.md")
FOLDERS = (
    "dreamsweep",
    "flows",
    "tasks",
    "lib",
    "storage",
    "tests",
    "docs",
    "examples",
    "deploy",
    "benchmarks",
    ".github",
)
LIVES = ("unit", "picture", "record")

SPAN = re.compile(r"`([^`\n]+)`")
CALL = re.compile(r"[A-Za-z_][\w.]*\(\)")


def outside_of_code(text: str) -> str:
    """A page without its blocks of code."""
    return re.sub(r"^( *)```.*?^\1```$", "", text, flags=re.MULTILINE | re.DOTALL)


def paths_in(text: str) -> list[str]:
    """Every path of the house that a text names as code; what holds capitals in its place (`WING`) stands for many."""
    spans = (span for span in SPAN.findall(text) if "/" in span and span.partition("/")[0] in FOLDERS)
    return [span for span in spans if re.fullmatch(r"[\w./-]+", span) and not re.search(r"\b[A-Z]{3,}\b", span)]


def steps(life: str) -> list[str]:
    """The numbered steps of one life."""
    _, _, rest = ARCHITECTURE.partition(f"## The life of a {life}\n")
    section = rest.partition("\n## ")[0]
    return re.split(r"^\d+\. ", section, flags=re.MULTILINE)[1:]


@cache
def names_in(path: str) -> frozenset[str]:
    """What a module defines, also in its classes, as `name` and `Class.name`."""
    found = set()

    def look(body: list[ast.stmt], within: str) -> None:
        for node in body:
            match node:
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                    found.add(within + name)
                case ast.ClassDef(name=name, body=inner):
                    found.add(within + name)
                    look(inner, f"{name}.")
                case ast.Assign(targets=[ast.Name(id=name)]):
                    found.add(within + name)

    look(ast.parse((HOUSE / path).read_text()).body, "")
    return frozenset(found)


@pytest.mark.parametrize("page", PAGES)
def test_every_file_and_folder_that_is_named_exists(page: str) -> None:
    named = set(paths_in(outside_of_code((HOUSE / page).read_text())))
    assert {path for path in named if not (HOUSE / path).exists()} - set(written()) == set()
    assert named


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_pages_and_headings_that_exist(page: str) -> None:
    text = outside_of_code((HOUSE / page).read_text())
    for target in re.findall(r"\]\(([^)]+)\)", text):
        path, _, heading = target.partition("#")
        where = (HOUSE / page).parent / path if path else HOUSE / page
        assert "://" in target or where.exists(), target
        if heading:
            titles = re.findall(r"^#+ (.+)$", where.read_text(), flags=re.MULTILINE)
            anchors = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
            assert heading in anchors, target


@pytest.mark.parametrize("life", LIVES)
def test_each_step_of_a_life_begins_with_a_file_and_names_functions_of_its_files(life: str) -> None:
    found = steps(life)
    assert len(found) > 10
    for step in found:
        files = [path for path in paths_in(step) if path.endswith(".py")]
        assert re.match(r"`[\w/]+\.py`: ", step), step
        defined = frozenset[str]().union(*map(names_in, files))
        called = {span.removesuffix("()") for span in SPAN.findall(step) if CALL.fullmatch(span)}
        assert called <= defined, f"{sorted(called - defined)} are in none of {files}"


def test_the_plan_of_the_house_is_that_of_the_import_checks() -> None:
    block = next(block for block in re.findall(r"```text\n(.*?)```", ARCHITECTURE, re.DOTALL) if "flows " in block)
    drawn: dict[str, list[str]] = {}
    room = ""
    for line in block.splitlines():
        if line and not line.startswith(" "):
            room = line.split()[0]
            drawn[room] = []
        elif line.lstrip(" |v"):
            drawn[room].append(line.lstrip(" |"))
    contracts = tomllib.loads((HOUSE / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = {tuple(one.get("containers", ())): one["layers"] for one in contracts if one["type"] == "layers"}
    rooms = [room for layer in layers.pop(()) for room in layer.split(" | ")]
    assert list(drawn) == rooms
    wings = {room: lines for (room,), lines in layers.items()}
    assert drawn == {room: wings.get(room, []) for room in rooms}


def test_every_wing_is_explained() -> None:
    explained = set(re.findall(r"`(\w+/\w+)/`", ARCHITECTURE))
    packages = {
        path.parent.relative_to(HOUSE).as_posix()
        for room in ("flows", "tasks", "lib")
        for path in HOUSE.glob(f"{room}/*/__init__.py")
    }
    assert packages - explained == set()
