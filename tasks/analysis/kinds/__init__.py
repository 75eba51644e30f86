"""Kinds of artifacts of the results of an analysis, one a module: see `tasks.session.kind`."""
