"""What another network can tell by the pictures of a layer's units."""

from tasks.sweep.of_layer import kind_of_a_layer

KIND = kind_of_a_layer("interpretability")
