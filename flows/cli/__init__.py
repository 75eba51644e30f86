"""The command line: one file a command."""

from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code. Installed scripts name this function."""
    from flows.cli import app

    return app.main(arguments)
