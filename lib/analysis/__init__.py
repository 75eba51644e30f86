"""How a network decides: activations, attribution, FCPs, linear classifiers, predictions."""
