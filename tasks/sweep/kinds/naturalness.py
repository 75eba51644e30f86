"""How natural the pictures of a layer's units are."""

from tasks.sweep.of_layer import kind_of_a_layer

KIND = kind_of_a_layer("naturalness")
