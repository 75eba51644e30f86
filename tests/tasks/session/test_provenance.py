"""The code's version: what counts as a change of the code, and what does not."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from storage.store import NewOutput, Recipe, Store
from tasks.session import provenance
from tasks.session.commit_file import write_commit_file
from tasks.session.session import session

HERE = Path(__file__).resolve().parents[3]


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


def test_where_neither_git_nor_a_commit_file_tells_of_a_commit_the_sources_are_the_version(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
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
    with monkeypatch.context() as patch:
        patch.setenv("PATH", "/nowhere")
        assert version_line() == "dreamsweep 7.8.9 (no commit: git cannot be asked about this checkout)"
    shutil.rmtree(checkout / ".git")
    assert version_line() == "dreamsweep 7.8.9 (no commit: this is no git checkout, and has no commit.json)"


def copied(checkout: Path, to: Path) -> Path:
    """A copy as it is in an image: the packages and the commit file, and no `.git`."""
    shutil.copytree(checkout, to, ignore=shutil.ignore_patterns(".git"))
    return to


@pytest.fixture
def copy(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the checkout without `.git`, with the file that was written from it."""
    (checkout / "pyproject.toml").write_text('[project]\nname = "dreamsweep"\nversion = "7.8.9"\n')
    (checkout / "dreamsweep").mkdir()
    (checkout / "dreamsweep" / "noun.py").write_text("A = 1\n")
    commit(checkout)
    written = write_commit_file()
    made = copied(checkout, tmp_path_factory.mktemp("image") / "copy")
    written.unlink()
    return made


@pytest.fixture
def runs_from(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Whether a run of the code in a folder computes a recipe, in a store that all folders share."""
    store = Store.open(tmp_path_factory.mktemp("store") / "store")

    def run(folder: Path) -> bool:
        monkeypatch.setattr(provenance, "CHECKOUT", folder)
        provenance.code_version.cache_clear()
        try:
            with session(store.root, "test", {}) as opened:
                _, reused = opened.obtain(
                    Recipe("picture", 1, {}, {}), lambda: ([NewOutput("picture", b"png", "picture", "image/png")], [])
                )
                opened.run.close("completed", {})
            return not reused
        finally:
            provenance.code_version.cache_clear()

    return run


def test_a_copy_with_the_commit_file_is_as_clean_as_the_checkout_that_it_is_of(
    checkout: Path, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_checkout, line = version(), version_line()
    monkeypatch.setattr(provenance, "CHECKOUT", copy)
    assert version() == of_checkout
    assert of_checkout["changes"] is None
    assert version_line() == line
    # git that does not trust a checkout of somebody else says nothing, and the file fits all the same
    with monkeypatch.context() as patch:
        shutil.copytree(checkout / ".git", copy / ".git")
        patch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
        with pytest.raises(provenance.NoGit, match="dubious ownership"):
            provenance.ask_git(provenance.PACKAGES)
        assert version() == of_checkout
        assert version_line() == line
    shutil.rmtree(copy / ".git")
    (copy / "dreamsweep" / "noun.py").write_text("A = 2\n")
    assert version() == of_checkout
    assert version_line() == line.replace(")", ", with uncommitted changes)")
    (copy / "lib" / "noun.py").write_text("A = 2\n")
    assert version()["changes"] == version()["sources"] != of_checkout["sources"]
    assert version()["commit"] == of_checkout["commit"]


def test_a_copy_without_git_reuses_what_its_checkout_made(checkout: Path, copy: Path, runs_from: Any) -> None:
    assert runs_from(checkout)
    assert not runs_from(copy)


def test_a_checkout_reuses_what_a_copy_without_git_made(checkout: Path, copy: Path, runs_from: Any) -> None:
    assert runs_from(copy)
    assert not runs_from(checkout)
    (checkout / "lib" / "noun.py").write_text("A = 3\n")
    commit(checkout)
    assert not runs_from(checkout)  # whatever its commit


def test_a_copy_with_one_changed_line_reuses_nothing_of_clean_code_and_clean_code_nothing_of_it(
    checkout: Path, copy: Path, runs_from: Any
) -> None:
    (copy / "lib" / "noun.py").write_text("A = 2\n")
    assert runs_from(copy)
    assert not runs_from(copy)
    assert runs_from(checkout)
    (copy / "lib" / "noun.py").write_text("A = 3\n")
    assert runs_from(copy)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"commit": "c0ffee", "sources": 3}', '{"commit": "c0ffee"}'])
def test_a_commit_file_that_says_nothing_is_as_good_as_none(copy: Path, monkeypatch: Any, text: str) -> None:
    monkeypatch.setattr(provenance, "CHECKOUT", copy)
    (copy / provenance.COMMIT_FILE).write_text(text)
    assert version()["changes"] == version()["sources"]
    assert version()["commit"] is None


def test_no_commit_file_is_written_of_changed_code_or_where_git_cannot_be_asked(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (checkout / "lib" / "noun.py").write_text("A = 2\n")
    (checkout / "lib" / "new noun.py").write_text("")
    with pytest.raises(ValueError, match=r"has them: lib/noun\.py, lib/new noun\.py"):
        write_commit_file()
    commit(checkout)
    (checkout / "dreamsweep").mkdir()
    (checkout / "dreamsweep" / "noun.py").write_text("A = 2\n")
    with pytest.raises(ValueError, match=r"has them: dreamsweep/noun\.py"):
        write_commit_file()
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(provenance.NoGit, match="No such file"):
        write_commit_file()
    assert not (checkout / provenance.COMMIT_FILE).exists()


def test_a_build_writes_the_file_and_what_it_builds_says_its_commit(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    for package in provenance.ALL_PACKAGES:
        shutil.copytree(HERE / package, checkout / package, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", ".gitignore"):
        shutil.copy(HERE / file, checkout / file)
    git(checkout, "init", "--quiet")
    head = commit(checkout)

    def run(folder: Path, module: str, *words: str) -> "subprocess.CompletedProcess[str]":
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        command = [sys.executable, "-m", module, *words]
        return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)

    assert run(checkout, "tasks.session.commit_file").stdout == f"wrote {checkout / 'commit.json'}\n"
    assert json.loads((checkout / "commit.json").read_text())["commit"] == head
    assert git(checkout, "status", "--porcelain") == ""  # git takes no notice of the file
    image = copied(checkout, tmp_path / "image")
    assert run(image, "flows.cli", "--version").stdout == f"dreamsweep 0.1.0 (commit {head[:12]})\n"
    with (image / "lib" / "words.py").open("a") as file:
        file.write("A = 1\n")
    assert "with uncommitted changes" in run(image, "flows.cli", "--version").stdout
    refused = run(image, "tasks.session.commit_file")
    assert refused.returncode == 1
    assert refused.stderr.startswith("commit.json was not written: git cannot be asked (fatal: not a git repository")
