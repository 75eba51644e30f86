"""The entries of a form: each value that can be filled in, with those of the settings that the form holds.

The command line makes its options of them, and messages call values by them.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from lib.settings import About, hints_of, plain

if TYPE_CHECKING:
    from pydantic import BaseModel

Hint = Any
"""An annotation, with what is said of it and its limits: Python has no type for that."""


@dataclass(frozen=True)
class Entry:
    """One value of a form. `path`: of its field, and within the settings that this holds; `default`: None for none."""

    path: tuple[str, ...]
    hint: Hint
    default: object

    @property
    def name(self) -> str:
        """What it is called within its settings."""
        return self.path[-1]

    @property
    def kind(self) -> Hint:
        """The type of its values, without limits and without None."""
        return plain(self.hint)


def entries_of(form: "type[BaseModel]") -> Iterator[Entry]:
    """Every entry, in the order of the form. Settings that may be left out as a whole are one entry."""
    for name, field in form.model_fields.items():
        default = field.get_default(call_default_factory=True, validated_data={})
        if dataclasses.is_dataclass(default) and not isinstance(default, type):
            for inner, hint in hints_of(type(default)).items():
                yield Entry((name, inner), hint, getattr(default, inner))
        else:
            yield Entry((name,), _hints(form)[name], default)


def find_entry(form: "type[BaseModel]", place: Sequence[int | str]) -> tuple[tuple[str, ...], Hint]:
    """The path of the entry in which something lies, and its annotation; an empty path where it is the whole form's."""
    owner: Hint = form
    path: tuple[str, ...] = ()
    found: Hint = None
    for part in place:
        hints = _hints(owner)
        if part not in hints:
            break
        found = hints[part]
        path, owner = (*path, str(part)), plain(found)
    return path, found


def title_of(form: "type[BaseModel]", path: Sequence[str]) -> str:
    """What the form calls an entry: the titles on the way to it."""
    titles, owner = [], form
    for name in path:
        hint = _hints(owner)[name]
        titles.append(next(part.title for part in hint.__metadata__ if isinstance(part, About)))
        owner = plain(hint)
    return ", ".join(titles)


def _hints(owner: Hint) -> dict[str, Hint]:
    """The annotations of a form's fields, or of the attributes of settings; none of anything else."""
    if dataclasses.is_dataclass(owner) and isinstance(owner, type):
        return hints_of(owner)
    return {
        name: Annotated[field.annotation, *field.metadata, About(field.title or name, field.description or "")]
        for name, field in getattr(owner, "model_fields", {}).items()
    }
