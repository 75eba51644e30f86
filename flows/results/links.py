"""Addresses of what a run made."""

from urllib.parse import quote


def below_run(name: str) -> str:
    """The path of a picture below that of its run's page, by what the run calls it."""
    first = "%2F" if name.startswith("/") else ""  # a slash would lead to the server's root
    return f"{first}{quote(name.removeprefix('/'))}.png"
