"""What the weights alone say of a layer."""

from tasks.sweep.of_layer import kind_of_a_layer

KIND = kind_of_a_layer("weights")
