"""Kinds of artifacts of what all tasks share, one a module: see `tasks.session.kind`."""
