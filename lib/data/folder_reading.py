"""The pictures of a folder while they are read: what is whole of them, and what is broken."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from lib import stop
from lib.arrays import Bytes, Images, Integers
from lib.data.fit import check_memory, fits_memory
from lib.data.picture_reading import read_head, read_picture
from lib.data.room import Room, gather
from lib.data.wanted_images import WantedImages
from lib.errors import BadInput
from lib.pictures.files import Head
from lib.pictures.names import show_name

MOST_BROKEN = 1 / 3
"""Which share of the pictures may be left out because they cannot be read."""

NAMED = 5
"""Of files that are left out, as many are named in a note."""

Progress = Callable[[str, int, int], None]


@dataclass
class Reading:
    """A reading of the pictures at some paths of a folder, of which `read` is called first."""

    folder: Path
    paths: list[Path]
    wanted: WantedImages
    progress: Progress | None
    room: Room | None
    """For what is large; None where that is held in memory."""
    broken: dict[Path, str] = field(default_factory=dict)

    def read(self) -> None:
        """Read all pictures. Raises BadInput where too many are broken, or all together too large."""
        self._heads = self._read_heads()
        self.own_shape = self._find_own_shape()
        self.shape = self.wanted.shape(self.own_shape)
        self._check_room()
        self._at: dict[Path, int] = {}
        self._digests: dict[Path, bytes] = {}
        self._imgs = gather(self._decode(), (len(self._heads), *self.shape), np.uint8, self.room)
        self.broken = {path: self.broken[path] for path in self.paths if path in self.broken}
        self._check_broken()

    def _decode(self) -> Iterator[Bytes]:
        """Each picture, [1, H, W, C]; zeros for a broken one."""
        height, width, channels = self.shape
        # a size that is the pictures' own is always had from all of their pixels, as before there were others
        least = None if self.shape[:2] == self.own_shape[:2] else max(height, width)
        for number, path in enumerate(self._heads):
            stop.look()
            pixels = np.zeros(self.shape, np.uint8)
            try:
                pixels, self._digests[path] = read_picture(path, (width, height), channels, self.wanted.fit, least)
            except BadInput as problem:
                self.broken[path] = str(problem)
            else:
                self._at[path] = number
            yield pixels[None]
            done = number + 1
            if self.progress and (done % 100 == 0 or done == len(self._heads)):
                self.progress("pictures", done, len(self._heads))

    @property
    def data_name(self) -> str:
        """That of the data set, as its record has it."""
        return f"folder:{self.folder}"

    def _read_heads(self) -> dict[Path, Head]:
        heads = {}
        for path in self.paths:
            stop.look()
            try:
                heads[path] = read_head(path)
            except BadInput as problem:
                self.broken[path] = str(problem)
        self._check_broken()
        return heads

    def _check_broken(self) -> None:
        if len(self.broken) > MOST_BROKEN * len(self.paths):
            reasons = "; ".join(f"{self.name(path)} {why}" for path, why in list(self.broken.items())[:NAMED])
            reasons += f"; and {len(self.broken) - NAMED} more" if len(self.broken) > NAMED else ""
            raise BadInput(
                f"{show_name(str(self.folder))}: {len(self.broken)} of {len(self.paths)} pictures cannot be read, more "
                f"than a third: replace or remove them: {reasons}"
            )

    def _find_own_shape(self) -> tuple[int, int, int]:
        sizes = Counter((head.width, head.height) for head in self._heads.values())
        most = max(sizes.values())
        width, height = min(size for size, count in sizes.items() if count == most)
        return height, width, 3 if any(head.colour for head in self._heads.values()) else 1

    def _check_room(self) -> None:
        """Raise BadInput where the pictures are too large for the disk, and for memory."""
        count = len(self._heads)
        if self.room is not None and (shortage := self.room.shortage(self.data_name, count, self.shape)):
            if not fits_memory(count, self.shape):
                raise BadInput(shortage)
            self.room = None
        if self.room is None:
            check_memory(show_name(str(self.folder)), count, self.shape)

    @property
    def fitted(self) -> bool:
        """Whether any picture became another than in a data set of the pictures' own size and channels."""
        return self.shape != self.own_shape or (self.wanted.fit != "crop" and not self._all_alike)

    @property
    def _all_alike(self) -> bool:
        """Whether all pictures have the size of the images."""
        return all((self._heads[path].height, self._heads[path].width) == self.shape[:2] for path in self._at)

    def is_whole(self, path: Path) -> bool:
        """Whether a picture was read."""
        return path in self._at

    def images(self, paths: list[Path]) -> Images:
        """[N, H, W, C] of these pictures, bytes."""
        return _Chosen(self._imgs, np.array([self._at[path] for path in paths], np.int64))

    def checksum(self, paths: list[Path]) -> str:
        """A SHA-256 of the names and contents of these files."""
        digest = hashlib.sha256()
        for path in paths:
            digest.update(f"{path.relative_to(self.folder).as_posix()}\n".encode("utf-8", "surrogateescape"))
            digest.update(self._digests[path])
        return digest.hexdigest()

    def broken_checksum(self) -> str:
        """A SHA-256 of the names of the files that are left out, and why: the record says them, and stands for them."""
        said = "".join(f"{self.name(path)}\n{why}\n" for path, why in self.broken.items())
        return hashlib.sha256(said.encode()).hexdigest()

    def name(self, path: Path) -> str:
        """A file's path within the folder, as it can be printed."""
        return show_name(path.relative_to(self.folder).as_posix())

    def notes(self) -> list[str]:
        """What was left out, and how pictures were fitted."""
        notes = []
        if self.broken:
            named = [f"{self.name(path)} {why}" for path, why in list(self.broken.items())[:NAMED]]
            more = f"; and {len(self.broken) - NAMED} more" if len(self.broken) > NAMED else ""
            count = len(self.broken)
            what = "1 picture cannot be read and is" if count == 1 else f"{count} pictures cannot be read and are"
            notes.append(f"{what} left out: {'; '.join(named)}{more}")
        if self.fitted or not self._all_alike:
            height, width, channels = self.shape
            colours = "grey" if channels == 1 else "in colours"
            notes.append(f"pictures are fitted ({self.wanted.fit}) to {height}x{width}, {colours}")
        return notes


@dataclass(frozen=True)
class _Chosen:
    """Some of the images of a set, [N, H, W, C], by their numbers; taken when they are asked for."""

    images: Bytes
    numbers: Integers

    @property
    def shape(self) -> tuple[int, ...]:
        return len(self.numbers), *self.images.shape[1:]

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, key: Any, /) -> Bytes:
        return self.images[self.numbers[key]]
