"""Finding records by their recipes, so that what is there is not computed again."""
