"""What the pages of dreams show of dreams, tours and runs, as types."""

from typing_extensions import TypedDict

from storage.document import Json
from tasks.gallery.pages.previews import Download


class Linked(TypedDict):
    """What something is called, and the page that it has, if any."""

    title: str
    address: str | None


class Aim(TypedDict):
    """What was dreamed of, as it was asked for; its page where that is a layer or a unit with one."""

    text: str
    address: str | None


class DreamCard(TypedDict):
    """A dream among others. `unit`: of a tour; `thumbnail`: the address of a small picture of it, if there is one."""

    title: str
    picture: str
    unit: str | None
    passes: int
    address: str
    thumbnail: str | None


class TourCard(TypedDict):
    """The sheet of a tour among dreams."""

    picture: str
    layer: str
    address: str
    thumbnail: str | None


class ListedRun(TypedDict):
    """A run among others: what it dreamed, what failed, and how often it found what was there.

    `address`: of the run's page; `quiet`: how many runs without news it stands for, the earliest of them from `since`.
    """

    quiet: int
    since: str
    run: str
    address: str | None
    when: str
    state: str
    model: Linked | None
    objective: Json
    mode: Json
    again: int
    left: Json
    failures: list[tuple[str, str]]
    dreams: list[DreamCard]
    tours: list[TourCard]


class TourParameters(TypedDict):
    """The units that a tour was to dream, and those of them that failed."""

    units: list[int]
    failed: list[int]


class Neighbours(TypedDict):
    """Of a map's dream in a tour: the pages of the maps before and after it, and of the sheet of all."""

    previous: str | None
    next: str | None
    sheet: str | None


class PassFrame(TypedDict):
    """A pass as a frame of the strip: its picture, and how much the objective rose in it."""

    number: int
    picture: str | None
    gain: float


class FilmFile(Download):
    """The passes as a film, and its media type."""

    media: str
