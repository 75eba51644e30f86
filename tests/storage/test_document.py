"""Canonical and sealed JSON."""

import json
import math
from enum import Enum

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.document import decode, encode, plain, seal, unseal
from storage.errors import StoreError

TEXTS = st.text(st.characters(codec="utf-8"))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)
DOCUMENTS = st.dictionaries(TEXTS.filter(lambda key: key != "sha256"), JSON, max_size=5)


@given(DOCUMENTS)
def test_a_document_reads_as_it_was_written_and_has_one_form(document):
    data = encode(document)
    assert decode(data) == document
    assert encode(decode(data)) == data
    assert encode(dict(reversed(list(document.items())))) == data


@given(DOCUMENTS, st.data())
def test_a_sealed_document_with_any_byte_changed_is_refused(document, data):
    sealed = seal(document, "document")
    assert unseal(sealed) == document
    at = data.draw(st.integers(0, len(sealed) - 1))
    changed = sealed[:at] + bytes([sealed[at] ^ 1 << data.draw(st.integers(0, 7))]) + sealed[at + 1 :]
    with pytest.raises(ValueError):  # noqa: PT011, JSON, Unicode or the seal: whichever is struck
        unseal(changed)
    with pytest.raises(ValueError):  # noqa: PT011
        unseal(sealed[:at])


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, np.float32("nan")])
def test_what_json_has_no_number_for_is_refused_by_its_name(value):
    with pytest.raises(StoreError, match=r"oips\.response\[1\] is -?(nan|inf)"):
        plain({"response": [1.0, value]}, "oips")


@pytest.mark.parametrize("data", [b'{"a":NaN}', b"[1]", b'{"a":', b"\xff", b""])
def test_what_is_not_one_json_object_is_refused(data):
    with pytest.raises(ValueError):  # noqa: PT011
        decode(data)


def test_numpy_scalars_tuples_and_enums_become_plain_json():
    class Layer(str, Enum):  # noqa: UP042, older code has these
        FIRST = "Conv2D_1"

    value = plain({"a": np.int64(3), "b": (1, 2), "c": np.float32(0.5), "d": Layer.FIRST, "e": np.bool_(True)}, "x")
    assert json.dumps(value) == '{"a": 3, "b": [1, 2], "c": 0.5, "d": "Conv2D_1", "e": true}'


@pytest.mark.parametrize("value", [{1: 2}, {"a": object()}, {"a": np.zeros(2)}, {"a": b"bytes"}])
def test_what_json_cannot_hold_is_refused(value):
    with pytest.raises(StoreError):
        plain(value, "parameters")


def test_a_text_that_is_not_unicode_is_refused():
    with pytest.raises(StoreError, match="not valid Unicode"):
        encode({"a": "\ud800"})
