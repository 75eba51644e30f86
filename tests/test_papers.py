"""The papers of the project: what forges, tools and readers of its files rely on."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.docs.blocks import PACKAGES

HOUSE = Path(__file__).parents[1]
PROJECT = tomllib.loads((HOUSE / "pyproject.toml").read_text())["project"]
CHANGELOG = (HOUSE / "CHANGELOG.md").read_text()
AUTHORS = "the dreamsweep authors"
SECTIONS = ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")


def read_yaml(name: str) -> Any:
    return yaml.safe_load((HOUSE / name).read_text())


def headings(level: int) -> list[str]:
    return re.findall(rf"^{'#' * level} (.+)$", CHANGELOG, flags=re.MULTILINE)


def test_the_newest_part_of_the_changelog_is_what_is_unreleased_or_of_this_version() -> None:
    newest, *older = headings(2)
    assert newest == "Unreleased" or newest.startswith(f"{PROJECT['version']} - ")
    versions = [re.fullmatch(r"(\d+)\.(\d+)\.(\d+) - \d{4}-\d{2}-\d{2}", heading) for heading in older]
    assert all(versions)
    numbers = [tuple(map(int, version.groups())) for version in versions if version]
    assert numbers == sorted(numbers, reverse=True)
    assert max(numbers) <= tuple(map(int, PROJECT["version"].split(".")))


def test_the_changelog_sorts_changes_as_keep_a_changelog_does() -> None:
    assert set(headings(3)) <= set(SECTIONS)


def test_the_version_is_said_in_pyproject_alone() -> None:
    said = re.compile(rf"""(version_*["']?\s*[:=]\s*["']?){re.escape(PROJECT["version"])}\b""")
    files = [
        *HOUSE.glob("*.cff"),
        *(path for room in PACKAGES for path in HOUSE.glob(f"{room}/**/*.py")),
    ]
    assert [path.name for path in files if said.search(path.read_text())] == []


def test_the_licence_is_said_alike_everywhere() -> None:
    licence = (HOUSE / "LICENSE").read_text()
    assert licence.split()[:2] == ["Apache", "License"]
    assert "END OF TERMS AND CONDITIONS" in licence
    assert PROJECT["license"] == read_yaml("CITATION.cff")["license"] == "Apache-2.0"


def test_the_citation_has_what_the_format_asks_for_and_no_author_but_the_authors() -> None:
    citation = read_yaml("CITATION.cff")
    assert {"cff-version", "message", "title", "authors", "type"} <= set(citation)
    assert citation["cff-version"] == "1.2.0"
    assert citation["type"] == "software"
    assert citation["title"] == PROJECT["name"]
    assert citation["authors"] == PROJECT["authors"] == [{"name": AUTHORS}]


def test_the_workflow_runs_the_checks_and_nothing_else() -> None:
    workflow = read_yaml(".github/workflows/checks.yml")
    (job,) = workflow["jobs"].values()
    assert [step["run"] for step in job["steps"] if "run" in step] == ["bash .ci/run"]
    assert job["timeout-minutes"] == 90
    assert workflow["permissions"] == {"contents": "read"}
    setup = next(step for step in job["steps"] if step.get("uses", "").startswith("actions/setup-python@"))
    assert PROJECT["requires-python"] == f">={setup['with']['python-version']}"


@pytest.mark.parametrize("form", ["bug", "feature"])
def test_an_issue_s_form_asks_each_question_once(form: str) -> None:
    found = read_yaml(f".github/ISSUE_TEMPLATE/{form}.yml")
    assert {"name", "description", "body"} <= set(found)
    asked = [part for part in found["body"] if part["type"] != "markdown"]
    assert all(part["attributes"]["label"] for part in asked)
    assert len({part["id"] for part in asked}) == len(asked) > 0


def test_pre_commit_runs_what_make_lint_runs_by_the_locked_programs() -> None:
    repositories = read_yaml(".pre-commit-config.yaml")["repos"]
    assert [repository["repo"] for repository in repositories] == ["local"]
    hooks = repositories[0]["hooks"]
    assert {hook["language"] for hook in hooks} == {"system"}
    makefile = (HOUSE / "Makefile").read_text()
    lint = re.findall(r"\$\(RUN\)/(.+)", makefile.partition("\nlint:")[2].partition("\n\n")[0])
    assert [hook["entry"].removeprefix(".venv/bin/").removesuffix(" --force-exclude") for hook in hooks] == lint


def test_make_clean_keeps_data_and_the_environment() -> None:
    recipe = (HOUSE / "Makefile").read_text().partition("\nclean:\n")[2].partition("\n\n")[0]
    removed = {word for line in recipe.splitlines() if line.startswith("\trm -rf ") for word in line.split()[2:]}
    assert removed
    assert removed.isdisjoint({"data", "data/", ".venv", ".venv/", "*", ".*"})
    assert "! -path './data/*'" in recipe
