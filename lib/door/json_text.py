"""JSON from a stranger: its size and its nesting are known before it is parsed."""

from __future__ import annotations

import json
import re
from typing import Any

from lib.door import limits
from lib.errors import BadInput

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
_BESIDES = bytes(set(range(256)) - set(b"[]{}"))


def read_json(text: bytes | str, name: str, most: int = limits.MOST_JSON) -> Any:
    """What a text of JSON says.

    Args:
        text: in UTF-8 where it is bytes.
        name: what messages call it.
        most: bytes that it may have.

    Raises:
        BadInput: it is too large, too deep, or no JSON.
    """
    try:
        data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else bytes(text)
        if len(data) > most:
            raise BadInput(f"{name} has {len(data):,} bytes of JSON, and at most {most:,} are read: make it smaller")
        _check_nesting(data, name)
        return json.loads(data.decode("utf-8"))
    # numbers of thousands of digits, among others, are ValueErrors
    except (ValueError, RecursionError) as problem:
        raise BadInput(f"{name} is damaged: it is no JSON; get or save it again") from problem


def _check_nesting(data: bytes, name: str) -> None:
    brackets = _STRING.sub(b"", data).translate(None, _BESIDES)
    depth = 0
    if len(brackets) > 2 * limits.MOST_JSON_PARTS:
        raise BadInput(
            f"{name} has more than {limits.MOST_JSON_PARTS:,} lists and objects in its JSON: make it smaller"
        )
    for bracket in brackets:
        depth += 1 if bracket in b"[{" else -1
        if depth > limits.DEEPEST_JSON:
            raise BadInput(
                f"{name} nests lists more than {limits.DEEPEST_JSON} deep in its JSON: put less into one another"
            )
