"""The code's version: what counts as a change of the code, and what does not."""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tasks.session import provenance


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with the four packages, all committed."""
    for package in provenance.PACKAGES:
        (tmp_path / package).mkdir()
        (tmp_path / package / "noun.py").write_text("A = 1\n")
    (tmp_path / "README.md").write_text("read me\n")
    git(tmp_path, "init", "--quiet")
    commit(tmp_path)
    monkeypatch.setattr(provenance, "CHECKOUT", tmp_path)
    return tmp_path


def git(folder: Path, *arguments: str) -> str:
    named = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "core.hooksPath=/dev/null"]
    done = subprocess.run(["git", *named, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(folder: Path) -> str:
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "as it is")
    return git(folder, "rev-parse", "HEAD")


def version() -> Mapping[str, Any]:
    return provenance.code_version.__wrapped__()


def test_committed_code_has_no_changes(checkout: Path) -> None:
    found = version()
    assert found["commit"] == git(checkout, "rev-parse", "HEAD")
    assert found["changes"] is None
    assert len(found["sources"]) == 64


def test_other_files_are_no_changes_of_the_code(checkout: Path) -> None:
    before = version()
    (checkout / "README.md").write_text("do read me\n")
    (checkout / "lib" / "__pycache__").mkdir()
    (checkout / "lib" / "__pycache__" / "noun.cpython-311.pyc").write_bytes(b"compiled")
    (checkout / "tests").mkdir()
    (checkout / "tests" / "test_noun.py").write_text("")
    assert version() == before


@pytest.mark.parametrize("file", ["lib/noun.py", "flows/new.py", "storage/room/new.py"])
def test_a_changed_or_a_new_file_is_a_change_and_the_same_one_is_the_same(checkout: Path, file: str) -> None:
    committed = version()
    (checkout / file).parent.mkdir(exist_ok=True)
    (checkout / file).write_text("A = 2\n")
    changed = version()
    assert changed["changes"] == changed["sources"] != committed["sources"]
    assert version() == changed
    (checkout / file).write_text("A = 3\n")
    assert version()["changes"] not in (None, changed["changes"])
    commit(checkout)
    assert version()["changes"] is None


def test_a_deleted_file_is_a_change(checkout: Path) -> None:
    (checkout / "tasks" / "noun.py").unlink()
    assert version()["changes"] is not None


def test_where_git_cannot_be_asked_the_sources_are_the_version(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sources = version()["sources"]
    with monkeypatch.context() as patch:
        patch.setenv("PATH", "/nowhere")
        assert version() == {"commit": None, "changes": sources, "sources": sources}
    # unpacked within another project's repository
    (checkout / "inner").mkdir()
    for package in provenance.PACKAGES:
        (checkout / package).rename(checkout / "inner" / package)
    monkeypatch.setattr(provenance, "CHECKOUT", checkout / "inner")
    assert version() == {"commit": None, "changes": sources, "sources": sources}


def version_line() -> str:
    """The line, of the checkout as it is now."""
    provenance.code_version.cache_clear()
    try:
        return provenance.version_line()
    finally:
        provenance.code_version.cache_clear()


@pytest.mark.parametrize("package", ["lib", "dreamsweep"])
def test_the_line_of_the_version_says_the_commit_and_whether_anything_was_changed_since(
    checkout: Path, package: str
) -> None:
    (checkout / "pyproject.toml").write_text('[project]\nname = "dreamsweep"\nversion = "7.8.9"\n')
    head = git(checkout, "rev-parse", "HEAD")[:12]
    assert version_line() == f"dreamsweep 7.8.9 (commit {head})"
    (checkout / package).mkdir(exist_ok=True)
    (checkout / package / "noun.py").write_text("A = 2\n")
    assert version_line() == f"dreamsweep 7.8.9 (commit {head}, with uncommitted changes)"


def test_without_git_the_line_of_the_version_says_the_version(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (checkout / "pyproject.toml").write_text('[project]\nname = "dreamsweep"\nversion = "7.8.9"\n')
    monkeypatch.setenv("PATH", "/nowhere")
    assert version_line() == "dreamsweep 7.8.9 (no commit: this is no git checkout)"
