"""Where a gallery's pages are: relative addresses, without odd characters in file names or escapes in URLs.

    index.html                             the networks
    mnist-57b7b5ae/index.html              a network
    mnist-57b7b5ae/Conv2D_2/index.html     a layer
    mnist-57b7b5ae/Conv2D_2/17/index.html  a unit: this address is permanent
    runs/20261122-101530-a1b2c3/index.html a run

A link names a page with its `index.html`: a gallery that is opened from a disk has no server that would add it.
"""

import hashlib
import re

LONGEST = 100
"""Characters of a segment; file systems take 255, and a path as a whole is to stay short."""

_SEGMENT = r"[A-Za-z0-9_~-]+"
_ADDRESS = re.compile(rf"({_SEGMENT}/)*{_SEGMENT}(\.[A-Za-z0-9]+)?")
_ODD = re.compile(rb"[^A-Za-z0-9_-]")
# What Windows takes for a device, whatever follows.
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])", re.IGNORECASE)

INDEX = "index.html"
START = INDEX
RUNS = f"runs/{INDEX}"
"""The list of runs."""


def segment(name: str) -> str:
    """One part of an address for any name, as of a layer; no two names have the same, where case counts.

    Letters, digits, `_` and `-` stay, and every other byte becomes `~XX`: slashes of nested models, dots (so that no
    layer can be taken for a file or a folder above), spaces. A name that is too long loses its end, and has the
    beginning of its digest instead.

    >>> segment("Conv2D_2"), segment("backbone/conv 1"), segment("..")
    ('Conv2D_2', 'backbone~2Fconv~201', '~2E~2E')
    """
    data = name.encode("utf-8", "surrogatepass")
    text = _ODD.sub(lambda found: b"~" + found[0].hex().upper().encode(), data).decode("ascii") or "~"
    if _DEVICE.fullmatch(text):
        text = f"~{data[0]:02X}{text[1:]}"
    if len(text) > LONGEST:
        # `~~` stands in no other segment: an escape has two digits
        text = f"{text[: LONGEST - 20]}~~{hashlib.sha256(data).hexdigest()[:18]}"
    return text


def is_address(text: str) -> bool:
    """Whether a file of a gallery can have this address: it leads nowhere but below the gallery's folder."""
    return bool(_ADDRESS.fullmatch(text))


def network_page(network: str) -> str:
    """The page of a network, by its segment."""
    return f"{network}/{INDEX}"


def layer_page(network: str, layer: str) -> str:
    """The page of a layer, by its name."""
    return f"{network}/{segment(layer)}/{INDEX}"


def unit_folder(network: str, layer: str, index: int) -> str:
    """The folder of a unit's page and files."""
    return f"{network}/{segment(layer)}/{index}"


def unit_page(network: str, layer: str, index: int) -> str:
    """The page of a unit."""
    return f"{unit_folder(network, layer, index)}/{INDEX}"


def run_page(run: str) -> str:
    """The page of a run, by its id."""
    return f"runs/{run}/{INDEX}"


def way(page: str, address: str) -> str:
    """How a page links to another address: relative, and as short as can be.

    >>> way("a/b/17/index.html", "a/b/18/index.html"), way("a/index.html", "")
    ('../18/index.html', '../')
    """
    here, there = page.split("/")[:-1], address.split("/")
    common = 0
    for one, other in zip(here, there[:-1], strict=False):
        if one != other:
            break
        common += 1
    return "../" * (len(here) - common) + "/".join(there[common:]) or "./"
