"""Kinds of artifacts of what dreams make, one a module: see `tasks.session.kind`."""
