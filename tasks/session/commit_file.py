"""The commit file, for code that goes where no git is, as into an image: which commit it is, and digests of its files.

`python -m tasks.session.commit_file` writes it, in a git checkout with nothing uncommitted; it needs nothing but Python
and git. Copy it along with the packages. Where it fits them, they count as that commit (`tasks.session.provenance`).
"""

import json
import sys
from pathlib import Path

from tasks.session import provenance
from tasks.session.provenance import ALL_PACKAGES, COMMIT_FILE, NoGit, ask_git, sources_digest


def write_commit_file() -> Path:
    """Write the file beside the packages; return its path.

    Raises ValueError where they have uncommitted changes, and NoGit.
    """
    commit, changed = ask_git(ALL_PACKAGES)
    if changed:
        more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
        raise ValueError(f"these are not as commit {commit[:12]} has them: {', '.join(changed[:3])}{more}")
    told = {"commit": commit, "sources": {package: sources_digest([package]) for package in ALL_PACKAGES}}
    path = provenance.CHECKOUT / COMMIT_FILE
    path.write_text(json.dumps(told, indent=1) + "\n")
    return path


def main() -> None:
    """Write the file, and say so; end with status 1 and the reason where it must not be written."""
    try:
        path = write_commit_file()
    except ValueError as changed:
        sys.exit(f"{COMMIT_FILE} was not written: {changed}. Commit them first")
    except NoGit as reason:
        sys.exit(
            f"{COMMIT_FILE} was not written: git cannot be asked ({reason}). Write it in a git checkout of your own"
        )
    print(f"wrote {path}")


if __name__ == "__main__":
    main()
