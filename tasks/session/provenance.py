"""What ran: the code's version and the environment, which every record names."""

import hashlib
import json
import os
import platform
import subprocess
import tomllib
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import TypedDict

from lib.processor import is_fast_at_bfloat16, processor_name

CHECKOUT = Path(__file__).resolve().parents[2]
PACKAGES = ("flows", "tasks", "lib", "storage")
_LIBRARIES = ("tensorflow", "keras", "numpy", "scipy", "pillow", "h5py", "matplotlib", "scikit-learn", "prefect")


class CodeVersion(TypedDict):
    """Of `PACKAGES`, whose code makes what is stored (`dreamsweep/` only reads).

    `sources` is a digest of their files. `changes` is None where they are what the commit holds; else it equals
    `sources`, so that results of uncommitted code are reused by the very same code only. Where the checkout's git
    cannot be asked, there is no commit to hold them against, and the sources themselves are the version.
    """

    commit: str | None
    changes: str | None
    sources: str


@lru_cache(maxsize=1)
def code_version() -> CodeVersion:
    """The version of the code that runs."""
    sources = hashlib.sha256()
    for package in PACKAGES:
        for path in sorted((CHECKOUT / package).rglob("*.py")):
            sources.update(f"{path.relative_to(CHECKOUT)}\n".encode())
            sources.update(hashlib.sha256(path.read_bytes()).digest())
    digest = sources.hexdigest()
    try:
        top = _git("rev-parse", "--show-toplevel")
        commit = _git("rev-parse", "HEAD")
        changed = _git("status", "--porcelain", "--untracked-files=all", "--", *(f"{name}/*.py" for name in PACKAGES))
    except (OSError, subprocess.CalledProcessError):
        return {"commit": None, "changes": digest, "sources": digest}
    if Path(top).resolve() != CHECKOUT:
        return {"commit": None, "changes": digest, "sources": digest}
    return {"commit": commit, "changes": digest if changed else None, "sources": digest}


def version_line() -> str:
    """Which dreamsweep this is, in one line: its version, which `pyproject.toml` alone says, and its commit."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    code = code_version()
    if code["commit"] is None:
        commit = "no commit: this is no git checkout"
    else:
        changed = code["changes"] or _git("status", "--porcelain", "--untracked-files=all", "--", "dreamsweep/*.py")
        commit = f"commit {code['commit'][:12]}{', with uncommitted changes' if changed else ''}"
    return f"{project['name']} {project['version']} ({commit})"


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
    return done.stdout.strip()
