"""How a layer's units respond to a whole data set."""

from tasks.sweep.of_layer import kind_of_a_layer

KIND = kind_of_a_layer("responses")
