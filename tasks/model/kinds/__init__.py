"""Kinds of artifacts of data sets and models, one a module: see `tasks.session.kind`."""
