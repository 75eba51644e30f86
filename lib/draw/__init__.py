"""Drawn pictures: sheets, plots, grids of activations, attribution."""
