"""Files as people gave them: their own bytes as artifacts, so that a dream leads back to what it was made of."""

import hashlib
from pathlib import Path

from lib.errors import BadInput
from lib.pictures.files import media_type
from lib.pictures.opening import NoFile, read_picture_file
from storage.store import NewOutput, Recipe
from tasks.session.kinds.original import KIND
from tasks.session.session import Session

VERSION = 1


def read_original(path: Path) -> bytes:
    """The bytes of a picture's file. Raises BadInput where it is none, in words that can follow its name."""
    try:
        return read_picture_file(path)
    except NoFile as problem:
        raise BadInput("is no file: name a picture, or a folder of them") from problem
    except BadInput as problem:
        if isinstance(problem.__cause__, FileNotFoundError):
            raise BadInput("is gone") from problem
        raise


def digest_of(path: Path) -> str:
    """The digest by which the store knows the bytes of a file. Raises BadInput as `read_original` does."""
    return digest(read_original(path))


def digest(data: bytes) -> str:
    """The digest by which the store knows these bytes."""
    return hashlib.sha256(data).hexdigest()


def recipe_of(digest: str) -> Recipe:
    """What keeping the bytes of this digest comes to."""
    return Recipe(KIND.task, VERSION, {}, {"file": digest})


def keep_original(session: Session, data: bytes, title: str) -> None:
    """Make a file's bytes an artifact, of which the run knows under this title; its output's role is `original`."""
    recipe = recipe_of(digest(data))
    session.obtain(recipe, lambda: ([NewOutput("original", data, "original", media_type(data))], []), unit=title)


def original_title(picture: str) -> str:
    """What the file of a picture is called in a run."""
    return f"/original/{picture}"
