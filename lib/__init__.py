"""The computation, pure: arrays in, arrays out. No Prefect, no store, no file but those it is handed."""
