"""What an analysis makes: predictions, activations, FCPs, attribution, classifiers."""
