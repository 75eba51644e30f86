"""The Prefect server that the user has named by `PREFECT_API_URL`: whether it is there, and lets us in."""

import os

from flows.serving.server_settings import CLIENT_PASSWORD
from flows.web.access import authorization
from lib.errors import BadInput
from storage.files import without_password

ANSWER_SECONDS = 30.0
_UNAUTHORIZED = 401


class ServerAway(BadInput):
    """It does not answer, or lets nobody in."""


def check_that_it_answers(url: str) -> None:
    """Raise ServerAway where the server that the user has named does not answer, or asks for another password."""
    import httpx

    shown = without_password(url)
    try:
        httpx.get(f"{url}/health", timeout=ANSWER_SECONDS).raise_for_status()
        known = httpx.get(f"{url}/admin/version", headers=_own_headers(), timeout=ANSWER_SECONDS)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:  # ValueError: what is no text of a URL at all
        reason = (str(error).replace(url, shown) or type(error).__name__).splitlines()[0]
        raise ServerAway(
            f"no Prefect server answers at PREFECT_API_URL={shown} ({reason}): start it, or unset PREFECT_API_URL"
        ) from error
    if known.status_code == _UNAUTHORIZED and not os.environ.get("PREFECT_API_KEY"):
        raise ServerAway(f"the server at PREFECT_API_URL={shown} needs a password: set {CLIENT_PASSWORD}=user:password")


def _own_headers() -> dict[str, str]:
    """The password that the user set for their own server, in the environment or in a profile of Prefect's."""
    from prefect.settings import PREFECT_API_AUTH_STRING

    password = PREFECT_API_AUTH_STRING.value()
    return {"Authorization": authorization(password)} if password else {}
