"""Whether the lines of `deploy/Dockerfile` make an image that sweeps: they are run in roots of Debian, without Docker.

    python -m benchmarks image [--gpu]    (as root, with debootstrap)

Debian and its Python stand in the place of the image that the Dockerfile begins with; apt and pip ask whom they ask on
this machine. At the end the account of the image sweeps a map, in its own root.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.docs.blocks import CHECKOUT
from tests.flows.fleet.dockerfile import Step, stages

DEBIAN = "bookworm"
PYTHON = "apt-get update && apt-get install --yes python3-minimal python3-venv && ln -s python3 /bin/python"
OF_THIS_MACHINE = ("/etc/apt", "/etc/pip.conf", "/root/.config/pip", "/etc/resolv.conf", "/etc/hosts", "/etc/ssl/certs")
"""What says where packages are to be had."""
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
DOCKERS = ("FROM", "ARG", "VOLUME", "CMD")
"""Instructions of which nothing is done within the root."""
SWEEP = "dreamsweep sweep --train --data digits --layers Conv2D_1/0 --starts 2 --oips 1 --steps 4 --json"


class Image:
    """A root that is made line by line. `settings`: the environment of what runs in it; `account` and `folder`: as
    which user, and where."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.settings = {"PATH": PATH, "HOME": "/root"}
        self.account, self.folder = "0", "/"
        self.seconds: dict[str, float] = {}

    def take(self, step: Step, others: Mapping[str, Image]) -> None:
        """Do what an instruction says. `others`: the images of the stages before."""
        word, rest = step
        begun = time.monotonic()
        if word == "RUN":
            self.run(rest)
        elif word == "COPY":
            self._copy(rest, others)
        elif word == "ENV":
            for setting in shlex.split(rest):
                name, _, value = setting.partition("=")
                self.settings[name] = value.replace("$PATH", self.settings["PATH"])
        elif word == "WORKDIR":
            self.folder = rest
            self._inside(rest).mkdir(parents=True, exist_ok=True)
        elif word == "USER":
            self.account = rest
            accounts = (line.split(":") for line in (self.root / "etc" / "passwd").read_text().splitlines())
            self.settings["HOME"] = next(home for _, _, number, _, _, home, _ in accounts if number == rest)
        elif word not in DOCKERS:
            raise NotImplementedError(word)
        self.seconds[f"{word} {rest}"] = round(time.monotonic() - begun, 1)

    def run(self, line: str) -> str:
        """What a line of the shell prints, run in the root by the image's account."""
        within = ["unshare", "--mount", "--pid", "--fork", f"--mount-proc={self.root}/proc"]
        command = [*within, "chroot", f"--userspec={self.account}:{self.account}", str(self.root)]
        inside = f"cd {shlex.quote(self.folder)} && {line}"
        done = subprocess.run(
            [*command, "sh", "-c", inside],
            env=self.settings,
            stdout=subprocess.PIPE,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == 0, f"{line}: {done.returncode}: {done.stdout[-2000:]}"
        return done.stdout

    def _copy(self, words: str, others: Mapping[str, Image]) -> None:
        *given, to = words.split()
        place = CHECKOUT
        if given[0].startswith("--from="):
            place = others[given.pop(0).removeprefix("--from=")].root
        target = self._inside(to)
        if given == ["."]:
            # as it is committed, with its history: `.dockerignore` leaves out what is not
            subprocess.run(["git", "clone", "--quiet", CHECKOUT, target / "clone"], check=True)
            shutil.copytree(target / "clone", target, dirs_exist_ok=True, symlinks=True)
            shutil.rmtree(target / "clone")
            return
        for pattern in given:
            found = sorted(place.glob(pattern.lstrip("/")))
            assert found, pattern
            for path in found:
                subprocess.run(["cp", "--archive", path, target], check=True)

    def _inside(self, path: str) -> Path:
        """Where a path of the image is."""
        return self.root / os.path.normpath(os.path.join(self.folder, path)).lstrip("/")  # noqa: PTH118


def main(arguments: Sequence[str]) -> None:
    """Print one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks image")
    parser.add_argument("--gpu", action="store_true")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as made:
        base = _debian(Path(made) / "base")
        images: dict[str, Image] = {}
        for number, (begin, *others) in enumerate(stages()):
            image = Image(Path(made) / f"stage-{number}")
            subprocess.run(["cp", "--archive", base, image.root], check=True)
            if asked.gpu and ("ARG", "GPU") in others:
                image.settings["GPU"] = "1"
            image.settings |= {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
            for step in others:
                image.take(step, images)
            images[begin[1].partition(" AS ")[2] or "last"] = image
        print(json.dumps(_use(images["last"], images, base), indent=1))


def _debian(root: Path) -> Path:
    """A root of Debian with Python in it."""
    subprocess.run(["debootstrap", "--variant=minbase", DEBIAN, root], check=True, stdout=subprocess.DEVNULL)
    _take_over(root)
    Image(root).run(PYTHON)
    _take_over(root)  # with Python come certificates, of the authorities that Debian knows
    return root


def _take_over(root: Path) -> None:
    for place in map(Path, OF_THIS_MACHINE):
        if place.exists():
            to = root / place.parent.relative_to("/")
            to.mkdir(parents=True, exist_ok=True)
            copied = ["cp", "--recursive", "--dereference", "--remove-destination", place, to]
            subprocess.run(copied, check=True)


def _use(image: Image, images: Mapping[str, Image], base: Path) -> dict[str, Any]:
    """What the image says of itself, and what comes of a sweep in it."""
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    version = image.run("dreamsweep --version").strip()
    assert commit.stdout[:7] in version
    assert "uncommitted" not in version
    image.run("python -c 'import prefect_docker, prefect_kubernetes'")
    swept = json.loads(image.run(SWEEP))
    return {
        "version": version,
        "account": image.run("id -u").strip(),
        "state of a sweep": swept["state"],
        "maps computed": swept["computed"],
        "MB on top of Debian and Python": (_size(image.root) - _size(base)) // 10**6,
        "seconds of each line": {name: one.seconds for name, one in images.items()},
    }


def _size(root: Path) -> int:
    """Bytes on disk."""
    said = subprocess.run(["du", "--summarize", "--block-size=1", root], capture_output=True, text=True, check=True)
    return int(said.stdout.split()[0])
