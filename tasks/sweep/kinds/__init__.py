"""Kinds of artifacts of what a sweep makes, one a module: see `tasks.session.kind`."""
