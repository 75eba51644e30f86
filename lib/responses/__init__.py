"""How units respond to a data set: exemplars, peaks, statistics, similar units."""
