"""What links begin with: the addresses at which browsers reach Prefect's UI and the pictures of a data folder.

Behind a proxy one setting says both, `dreamsweep up --public-url` or `DREAMSWEEP_PUBLIC_URL`: the UI is there, the
pictures and the gallery are at `/pictures` below it. Else they are where the servers listen.

`up` writes down what it has, so that its ports stay what they are, and links of runs without an `up` lead to where the
next one will be. Where there has never been an `up`, nobody knows, and there are no links.
"""

import json
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

from flows.forms.places import DATA_FOLDER
from lib.errors import BadInput

PUBLIC_URL = "DREAMSWEEP_PUBLIC_URL"
"""The environment variable that says it where `--public-url` does not."""
PICTURES_URL = "DREAMSWEEP_PICTURES_URL"
"""The environment variable that says where links to pictures lead, and else nothing: that of earlier versions. `up`
sets it for its flow runs."""
PICTURES = "pictures"
"""Where the pictures are below the public address."""
_USUAL_PORTS = {"http": 80, "https": 443}
_PATH = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*")


@dataclass(frozen=True, kw_only=True)
class Addresses:
    """What a data folder remembers of its `up`: the ports, the public address, and what links to pictures begin with.

    A data folder that never had one has the usual ports, and no address.
    """

    port: int = 4200
    pictures_port: int = 4201
    public_url: str | None = None
    pictures: str | None = None


def read_addresses(folder: Path) -> Addresses:
    """What is remembered in Prefect's folder of a data folder. Raises BadInput where it is damaged."""
    path = _file(folder)
    try:
        return Addresses(**json.loads(path.read_bytes()))
    except FileNotFoundError:
        return Addresses()
    except (OSError, ValueError, TypeError) as problem:
        raise BadInput(
            f"{path} cannot be used ({problem}): remove it, and start dreamsweep up with the --port and the "
            "--pictures-port that it had"
        ) from problem


def remember_addresses(folder: Path, addresses: Addresses) -> None:
    """Write down where `up` is. Raises OSError."""
    from flows.forms.private import write_private

    write_private(_file(folder), json.dumps(asdict(addresses)).encode())


def public_address(given: str | None = None) -> str | None:
    """The public address that an option gives, else `DREAMSWEEP_PUBLIC_URL`; None where neither does.

    Raises BadInput.
    """
    if given is not None:
        return check_address(given, "--public-url")
    return check_address(named, PUBLIC_URL) if (named := os.environ.get(PUBLIC_URL)) else None


def pictures_below(public: str | None) -> str | None:
    """What links to pictures begin with, for an `up` with this public address; None: where its server listens.

    Raises BadInput.
    """
    if named := os.environ.get(PICTURES_URL):
        return check_address(named, PICTURES_URL)
    return public and f"{public}/{PICTURES}"


def pictures_address() -> str | None:
    """What links to pictures begin with, for whoever runs flows; None where nobody knows: then there are no links."""
    if named := os.environ.get(PICTURES_URL):  # `up` has said it, whatever else its environment says
        return check_address(named, PICTURES_URL)
    return pictures_below(public_address()) or read_addresses(DATA_FOLDER / "prefect").pictures


def check_address(url: str, name: str) -> str:
    """A web address as browsers say it, without a slash at its end. Raises BadInput for what is none.

    Args:
        url: scheme, host, and where it has them port and path.
        name: where it was given.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        parts, host, port = urlsplit(""), "", None
    path = parts.path.rstrip("/")
    plain = re.fullmatch(r"[a-z0-9._:-]+", host) and "@" not in parts.netloc and not (parts.query or parts.fragment)
    if parts.scheme not in _USUAL_PORTS or not plain or not _PATH.fullmatch(path) or f"{path}/".startswith("/api/"):
        raise BadInput(
            f"{name} is {url!r}; it must be the address that browsers open, such as https://host/dreams: without user, "
            "query and special letters, and not below /api"
        )
    netloc = f"[{host}]" if ":" in host else host
    if port not in (None, _USUAL_PORTS[parts.scheme]):
        netloc += f":{port}"
    return f"{parts.scheme}://{netloc}{path}"


def _file(folder: Path) -> Path:
    return folder / "addresses.json"
