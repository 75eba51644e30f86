"""Copies of the code that hosts run in place of the checkout: a clean commit of their own, with git and without."""

import shutil
import subprocess
import sys
from pathlib import Path

from tests.docs.blocks import CHECKOUT, PACKAGES
from tests.faults.house import SITE
from tests.fleet.hosts import Host

_AUTHOR = ("-c", "user.name=fleet", "-c", "user.email=fleet@fleet.invalid", "-c", "commit.gpgsign=false")


class Copy:
    """The code as it is here, as a host has it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @staticmethod
    def committed(host: Host) -> "Copy":
        """A git checkout with nothing uncommitted, with the file that says of which commit it is."""
        copy = Copy(host.folder / "checkout")
        for package in PACKAGES:
            leave = shutil.ignore_patterns("__pycache__")
            shutil.copytree(CHECKOUT / package, copy.folder / package, ignore=leave)
        for name in ("pyproject.toml", ".gitignore"):
            shutil.copy(CHECKOUT / name, copy.folder / name)
        for words in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", "as it was"]):
            subprocess.run(["git", *_AUTHOR, *words], cwd=copy.folder, check=True)
        written = [sys.executable, "-m", "tasks.session.commit_file"]
        subprocess.run(written, cwd=copy.folder, env={"PYTHONPATH": str(copy.folder)}, check=True)
        return copy

    def without_git(self, host: Host) -> "Copy":
        """The same on another host, as an image has it."""
        folder = host.folder / "image"
        shutil.copytree(self.folder, folder, ignore=shutil.ignore_patterns("__pycache__", ".git"))
        return Copy(folder)

    def change_a_line(self) -> None:
        """So that it is other code, which does the same."""
        with (self.folder / "lib" / "oips" / "ascent.py").open("a") as file:
            file.write("# changed\n")

    @property
    def settings(self) -> dict[str, str]:
        """The environment variables with which a host runs it."""
        return {"PYTHONPATH": f"{SITE}:{self.folder}"}
