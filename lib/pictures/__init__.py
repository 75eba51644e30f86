"""Picture files: their names, listing, formats, colours, and resampling."""
