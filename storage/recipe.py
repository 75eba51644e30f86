"""A recipe: everything that decides which bytes an execution will compute, as one digest."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from storage.document import Json, digest_of, encode, plain_mapping


@dataclass(frozen=True)
class Recipe:
    """What an execution will compute.

    `parameters` are those that change its bytes, defaults filled in; never chunk sizes, shards or deadlines. `inputs`
    maps each input's role to its identity, or to its digest where it has none. `version` is counted up whenever the
    task's output changes. Raises StoreError where a parameter is NaN, infinite or cannot be JSON.
    """

    task: str
    version: int
    parameters: Mapping[str, Json]
    inputs: Mapping[str, str]

    def __post_init__(self) -> None:
        # A copy in plain JSON: what the caller changes later must not change what the digest stands for.
        object.__setattr__(self, "parameters", plain_mapping(self.parameters, f"{self.task}.parameters"))
        object.__setattr__(self, "inputs", plain_mapping(self.inputs, f"{self.task}.inputs"))

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the recipe's canonical JSON."""
        return digest_of(
            encode(
                {
                    "task": self.task,
                    "version": self.version,
                    "parameters": self.parameters,
                    "inputs": self.inputs,
                },
                self.task,
            )
        )
