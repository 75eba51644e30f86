"""What ran: the code's version and the environment, which every record names.

Code is clean where it is what its commit holds. Git says whether it is; where git cannot be asked, as in an image that
was built without `.git`, a file says it that was written from a git checkout, as long as it fits the sources.
"""

import hashlib
import json
import os
import platform
import subprocess
import tomllib
from collections.abc import Iterable
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import TypedDict

from lib.processor import is_fast_at_bfloat16, processor_name

CHECKOUT = Path(__file__).resolve().parents[2]
PACKAGES = ("flows", "tasks", "lib", "storage")
ALL_PACKAGES = (*PACKAGES, "dreamsweep")
COMMIT_FILE = "commit.json"
"""Says, beside the packages, of which commit they are, where no git can: `tasks.session.commit_file` writes it."""
_LIBRARIES = ("tensorflow", "keras", "numpy", "scipy", "pillow", "h5py", "matplotlib", "scikit-learn", "prefect")


class CodeVersion(TypedDict):
    """Of `PACKAGES`, whose code makes what is stored (`dreamsweep/` only reads).

    `sources` is a digest of their files. `changes` is None where they are what the commit holds; else it equals
    `sources`, so that results of uncommitted code are reused by the very same code only. Where neither git nor the
    commit file tells of a commit, there is none to hold them against, and the sources themselves are the version.
    """

    commit: str | None
    changes: str | None
    sources: str


class NoGit(Exception):
    """Git cannot be asked about this code; the message says why, in a line."""


@lru_cache(maxsize=1)
def code_version() -> CodeVersion:
    """The version of the code that runs."""
    commit, changed = _held_against(PACKAGES)
    sources = sources_digest(PACKAGES)
    return {"commit": commit, "changes": sources if changed else None, "sources": sources}


def sources_digest(packages: Iterable[str]) -> str:
    """The SHA-256, as 64 hexadecimal characters, of the Python files of these packages, and of their names."""
    sources = hashlib.sha256()
    for package in packages:
        for path in sorted((CHECKOUT / package).rglob("*.py")):
            sources.update(f"{path.relative_to(CHECKOUT)}\n".encode())
            sources.update(hashlib.sha256(path.read_bytes()).digest())
    return sources.hexdigest()


def ask_git(packages: Iterable[str]) -> tuple[str, list[str]]:
    """The commit that is checked out, and the Python files of these packages that are not as it has them.

    Raises NoGit, also where the checkout lies within that of another project.
    """
    files = (f"{name}/*.py" for name in packages)
    try:
        top = _git("rev-parse", "--show-toplevel")
        commit = _git("rev-parse", "HEAD")
        status = _git("status", "--porcelain", "--untracked-files=all", "--no-renames", "-z", "--", *files)
    except OSError as error:
        raise NoGit(f"git: {error.strerror or error}") from error
    except subprocess.CalledProcessError as error:  # no checkout, or one of somebody else, which git does not trust
        raise NoGit(next(iter(str(error.stderr).splitlines()), str(error))) from error
    if Path(top).resolve() != CHECKOUT:
        raise NoGit(f"{CHECKOUT} is no checkout of its own, but part of {top}")
    return commit, [line[3:] for line in status.split("\0") if line]


def _held_against(packages: Iterable[str]) -> tuple[str | None, bool]:
    """The commit that this code is of, and whether these packages differ from it: by git, or else by the commit file.

    Without either there is no commit, and whatever is here differs from it.
    """
    packages = tuple(packages)
    try:
        commit, changed = ask_git(packages)
        return commit, bool(changed)
    except NoGit:
        pass
    try:
        told = json.loads((CHECKOUT / COMMIT_FILE).read_bytes())
        commit, sources = str(told["commit"]), dict(told["sources"])
    except (OSError, ValueError, KeyError, TypeError):
        return None, True
    return commit, any(sources.get(package) != sources_digest([package]) for package in packages)


def version_line() -> str:
    """Which dreamsweep this is, in one line: its version, which `pyproject.toml` alone says, and its commit."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    commit, changed = _held_against(ALL_PACKAGES)
    if commit is not None:
        code = f"commit {commit[:12]}{', with uncommitted changes' if changed else ''}"
    elif (CHECKOUT / ".git").exists():
        code = "no commit: git cannot be asked about this checkout"
    else:
        code = f"no commit: this is no git checkout, and has no {COMMIT_FILE}"
    return f"{project['name']} {project['version']} ({code})"


def environment_bytes() -> bytes:
    """The environment as JSON: Python, libraries, processor (and whether ascents may use its bfloat16), and the devices
    that TensorFlow sees."""
    import tensorflow as tf

    versions: dict[str, str | None] = {}
    for name in _LIBRARIES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = None
    devices = [
        {"type": device.device_type, **tf.config.experimental.get_device_details(device)}
        for device in tf.config.list_physical_devices()
    ]
    environment = {
        "python": platform.python_version(),
        "system": platform.system(),
        "machine": platform.machine(),
        "processor": processor_name(),
        "bfloat16": is_fast_at_bfloat16(),
        "cores": os.cpu_count(),
        "libraries": versions,
        "devices": json.loads(json.dumps(devices, default=str)),
    }
    return json.dumps(environment, sort_keys=True, indent=1).encode()


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=CHECKOUT, check=True, capture_output=True, text=True)
    return done.stdout.strip("\n")
