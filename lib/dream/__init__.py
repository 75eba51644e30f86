"""DeepDream: octaves, tiles, carving; their gradients and objective."""
