"""The settings of Prefect with which a server bears many workers, and with which they bear a server that is away.

`deploy/compose.yaml` and the documentation say the same, and tests compare. Whoever sets one of them otherwise has
that.
"""

import os
from collections.abc import Mapping

from flows.serving.server import SERVER_SETTINGS

FLEET_SERVER_SETTINGS: Mapping[str, str] = SERVER_SETTINGS | {
    # With 5 + 10 connections the server answers 500 while some ten processes report task runs.
    "PREFECT_SERVER_DATABASE_SQLALCHEMY_POOL_SIZE": "20",
    "PREFECT_SERVER_DATABASE_SQLALCHEMY_MAX_OVERFLOW": "40",
    "PREFECT_SERVER_DATABASE_TIMEOUT": "60",
    "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
    # A shard that waits for a worker is not late: it is next.
    "PREFECT_SERVER_SERVICES_LATE_RUNS_AFTER_SECONDS": "3600",
}
"""The environment of the Prefect server of a fleet, beside where its PostgreSQL is."""

CLIENT_SETTINGS: Mapping[str, str] = {
    # A server whose connections to its database have run out says 500, and Prefect's client would not ask again.
    "PREFECT_CLIENT_RETRY_EXTRA_CODES": "500",
    "PREFECT_CLIENT_MAX_RETRIES": "10",
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
    "PREFECT_WORKER_HEARTBEAT_SECONDS": "10",
    "PREFECT_WORKER_QUERY_SECONDS": "5",
}
"""The environment of workers, shards and coordinators."""


def client_environment() -> dict[str, str]:
    """Those of `CLIENT_SETTINGS` that the environment does not say already."""
    return {name: value for name, value in CLIENT_SETTINGS.items() if name not in os.environ}
