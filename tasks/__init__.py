"""The units of work that Prefect retries: thin, each joins one piece of `lib` to `storage`."""
