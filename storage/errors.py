"""What can go wrong with a store; every message is one line and names the fix."""


class StoreError(Exception):
    """The store cannot do what was asked. The message is one line that names the fix."""


class StoreUnusable(StoreError):
    """The store as a whole cannot be used: no such folder, a file, read-only, full, or out of reach."""


class BlobGone(StoreError):
    """The bytes of this `digest` cannot be had: whoever knows how they were made may make them again."""

    def __init__(self, message: str, digest: str = "") -> None:
        super().__init__(message)
        self.digest = digest


class BlobMissing(BlobGone):
    """The store holds no blob of this digest."""


class BlobCorrupt(BlobGone):
    """The bytes of a blob no longer match its digest; they have not been used."""


class NothingFound(StoreError):
    """Nothing in the store has the name that was given."""
