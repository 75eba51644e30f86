"""A Keras model as a graph: its file, units, trunks, kernels and receptive fields."""
