"""What can go wrong with a store; every message is one line and names the fix."""


class StoreError(Exception):
    """The store cannot do what was asked. The message is one line that names the fix."""


class StoreUnusable(StoreError):  # noqa: N818, the name reads as what it says
    """The store as a whole cannot be used: no such folder, a file, read-only, full, or out of reach."""


class BlobMissing(StoreError):  # noqa: N818
    """The store holds no blob of this digest."""


class BlobCorrupt(StoreError):  # noqa: N818
    """The bytes of a blob no longer match its digest; they have not been used."""
