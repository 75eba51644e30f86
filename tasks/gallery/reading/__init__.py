"""From the store to typed facts."""
