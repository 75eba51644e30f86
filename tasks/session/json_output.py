"""What is told in words and numbers as an artifact: JSON."""

import json
import math
from collections.abc import Mapping
from typing import Any

from storage.document import Json
from storage.store import NewOutput

JSON = "application/json"


def json_output(role: str, value: Any, about: Mapping[str, Json]) -> NewOutput:
    """An output of JSON with these attributes. What is no finite number, which JSON has not, becomes null."""
    data = json.dumps(_finite(value), sort_keys=True, allow_nan=False).encode()
    return NewOutput(role, data, "summary", JSON, attributes=about)


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _finite(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
