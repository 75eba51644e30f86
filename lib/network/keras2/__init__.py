"""Files that Keras 2 wrote, read by Keras 3: configurations are mended in memory, and weights given to their layers."""
