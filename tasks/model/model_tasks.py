"""Storing data sets and registering models as Prefect's tasks, for flows.

The functions themselves know nothing of Prefect: who has no flow run calls them as they are, and imports less.
"""

from tasks.model import data, models
from tasks.session.recorded import record_task

store_data = record_task("data", run_name="{name}")(data.store_data)
register_model = record_task("register", run_name="{path}")(models.register_model)
