"""How the pictures of a dream are made: in which passes, by this process or by the workers of a work pool."""
