"""`dreamsweep up`: Prefect's server, the process that runs flows, their deployments and schedules."""
