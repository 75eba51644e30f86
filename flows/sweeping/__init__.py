"""How the maps of a sweep are made: in which context and order, in this process or by the workers of a work pool."""
