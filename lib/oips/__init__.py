"""Growing OIPs: start images, ascent, constraint, objective, search, verdict."""
