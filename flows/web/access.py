"""Who may talk to the servers of a data folder: whoever has its password, or a browser that came in by a link.

Both servers ask, and commands, flow runs and tests get the password from `server_password`. What is secret lies in
`access/` beside Prefect's database, in files that their owner alone can read; nothing of it is ever on a command line:

- `password`: `user:password`, made once at random. `PREFECT_SERVER_API_AUTH_STRING` replaces it;
- `session-key`: what sessions of browsers are signed with, so that they outlive a restart of the servers;
- `links/`: a file for each link that has not been opened yet, named by the digest of its token.
"""

import base64
import contextlib
import errno
import hashlib
import hmac
import os
import re
import secrets
import time
from pathlib import Path
from urllib.parse import urlencode

from itsdangerous import BadSignature, TimestampSigner

PASSWORD = "PREFECT_SERVER_API_AUTH_STRING"
"""The environment variable with `user:password`, where the user has set one: that of `prefect server start`."""
USER = "dreamsweep"
LINK_SECONDS = 86_400
"""How long a link may be opened, once."""
SESSION_SECONDS = 30 * 86_400
"""How long a browser is known after it came in."""
_SECRET = re.compile(rb"[\w-]{20,100}")


class AccessError(Exception):
    """The files with the secrets cannot be made, or are another user's. The message names the file."""


def server_password(folder: Path) -> str:
    """The `user:password` that the servers of a data folder ask for: the one that the user set, else a random one.

    Args:
        folder: Prefect's, in the data folder. The random password is made there where there is none yet.

    Raises AccessError.
    """
    if wanted := os.environ.get(PASSWORD):
        return wanted
    return f"{USER}:{_kept_secret(folder / 'access' / 'password')}"


def authorization(password: str) -> str:
    """What a request says to show that it knows a `user:password`, in its header `Authorization`."""
    return f"Basic {base64.b64encode(password.encode(errors='surrogateescape')).decode('ascii')}"


class Access:
    """The password, the links and the sessions of the servers of one data folder. Raises AccessError."""

    def __init__(self, folder: Path) -> None:
        """`folder` is Prefect's, in the data folder."""
        self.password = server_password(folder)
        self._folder = folder / "access"
        key = _kept_secret(self._folder / "session-key")
        self.cookie = f"dreamsweep-{hashlib.sha256(key.encode()).hexdigest()[:8]}"
        """What the session is called: browsers keep cookies by host, and there may be two data folders on one."""
        # Bound to the password: who changes that sends all browsers away.
        self._key = hashlib.sha256(_bytes(f"{key}\0{self.password}")).digest()

    def is_password(self, said: str) -> bool:
        """Whether this is the `user:password`, found out in a time that does not depend on where they differ."""
        return hmac.compare_digest(
            said.encode(errors="surrogateescape"), self.password.encode(errors="surrogateescape")
        )

    def is_authorization(self, said: str) -> bool:
        """Whether the header `Authorization` of a request has the password."""
        scheme, _, credentials = said.partition(" ")
        try:
            decoded = base64.b64decode(credentials.strip(), validate=True).decode()
        except ValueError:
            return False
        return scheme.lower() == "basic" and self.is_password(decoded)

    def link(self, address: str) -> str:
        """A link to one of our servers that lets a browser in, once."""
        token = secrets.token_urlsafe(32)
        links = self._folder / "links"
        try:
            links.mkdir(mode=0o700, exist_ok=True)
            self._forget_old_links()
            os.close(os.open(links / _digest(token), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        except OSError as error:
            raise AccessError(f"a link cannot be noted in {links}: {error.strerror}") from error
        return f"{address.rstrip('/') or address}/?{urlencode({'token': token})}"

    def open_link(self, token: str) -> bool:
        """Whether the token of a link lets somebody in. It does so once, whoever asks at the same time."""
        path = self._folder / "links" / _digest(token)
        try:
            made = path.stat().st_mtime
            path.unlink()
        except OSError:
            return False
        return _is_fresh(made)

    def new_session(self) -> str:
        """The value of the cookie of a browser that may come in."""
        return self._signer().sign(secrets.token_urlsafe(8)).decode("ascii")

    def is_session(self, value: str) -> bool:
        """Whether a cookie is of a session that we began, and not too long ago."""
        try:
            self._signer().unsign(value, max_age=SESSION_SECONDS)
        except BadSignature:
            return False
        return True

    def _signer(self) -> TimestampSigner:
        return TimestampSigner(self._key, salt="dreamsweep session", digest_method=hashlib.sha256)

    def _forget_old_links(self) -> None:
        for path in (self._folder / "links").iterdir():
            with contextlib.suppress(OSError):  # it was opened just now
                if not _is_fresh(path.stat().st_mtime):
                    path.unlink()


def _is_fresh(made: float) -> bool:
    return abs(time.time() - made) < LINK_SECONDS  # a clock that was put back makes no link last longer


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogateescape")  # what the user set need not be UTF-8


def _digest(token: str) -> str:
    return hashlib.sha256(_bytes(token)).hexdigest()


def _kept_secret(path: Path) -> str:
    """What is in a file that its owner alone can read; it is made at random where it is not there."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _make(path)
        return _read(path)
    except OSError as error:
        raise AccessError(f"{path} cannot be used: {error.strerror}") from error


def _make(path: Path) -> None:
    """Put a random secret there, whole or not at all, unless somebody else has done so meanwhile."""
    own = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
    file = os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(file, "w") as opened:
            opened.write(f"{secrets.token_urlsafe(24)}\n")
            opened.flush()
            os.fsync(opened.fileno())
        try:
            os.link(own, path)
        except FileExistsError:
            pass
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS):
                raise
            own.replace(path)  # a file system that has no links
    finally:
        own.unlink(missing_ok=True)


def _read(path: Path) -> str:
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
        about = os.fstat(file.fileno())
        if os.geteuid() not in (0, about.st_uid):
            raise AccessError(f"{path} is another user's: remove it, and start again")
        if about.st_mode & 0o077:
            os.fchmod(file.fileno(), 0o600)
        secret = file.read(1000).strip()
    if not _SECRET.fullmatch(secret):
        raise AccessError(f"{path} is damaged: end what runs with dreamsweep down, remove the file, and start again")
    return secret.decode("ascii")
