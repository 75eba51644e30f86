"""What is many of a kind: each one is declared in a file of its own, and the files of a folder are all that there are.

    MODES = Registry("lib.dream.modes", constant="MODE", kind=Mode, first=("octaves", "tiles"))

Whoever lists, explains or chooses by name asks the registry, so that a new one is a new file and nothing else.
"""

import pkgutil
from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib import import_module
from typing import Generic, Protocol, TypeVar


def module_names(package: str) -> list[str]:
    """The full names of the modules and packages in a package, in order."""
    return [module.name for module in pkgutil.iter_modules(import_module(package).__path__, f"{package}.")]


class Named(Protocol):
    """What a registry holds is called something."""

    @property
    def name(self) -> str: ...


Entry = TypeVar("Entry", bound=Named)


class Registry(Mapping[str, Entry], Generic[Entry]):
    """By name what the modules of packages declare, each in a constant that is called the same in all of them.

    The modules are imported when the registry is first asked, so they must import nothing that takes long.
    """

    def __init__(self, *packages: str, constant: str, kind: type[Entry], first: tuple[str, ...] = ()) -> None:
        """`first`: names in the order in which they are shown; what else there is follows, by name."""
        self._packages, self._constant, self._kind, self._first = packages, constant, kind, first

    @property
    def modules(self) -> list[str]:
        """The full names of the modules, each of which declares one."""
        return [module for package in self._packages for module in module_names(package)]

    @cached_property
    def _entries(self) -> dict[str, Entry]:
        """Raises TypeError for a module that does not declare one, and ValueError for two of the same name."""
        found: dict[str, Entry] = {}
        for module in self.modules:
            entry = getattr(import_module(module), self._constant, None)
            if not isinstance(entry, self._kind):
                raise TypeError(f"{module} declares no {self._constant}: each file of its folder is one")
            if entry.name in found:
                raise ValueError(f"{module} declares {entry.name!r}, which there is already: choose another name")
            found[entry.name] = entry
        return {name: found[name] for name in [*self._first, *sorted(set(found) - set(self._first))]}

    def __getitem__(self, name: str) -> Entry:
        return self._entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)
