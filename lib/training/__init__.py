"""Training the reference network."""
