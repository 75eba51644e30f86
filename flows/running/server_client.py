"""A client of Prefect's API for what `dreamsweep up` asks it in this process."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient


def client_of(url: str) -> "SyncPrefectClient":
    """A client of the server whose API is there, with the password or key that Prefect's settings name."""
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_KEY

    return SyncPrefectClient(url, auth_string=PREFECT_API_AUTH_STRING.value(), api_key=PREFECT_API_KEY.value())
