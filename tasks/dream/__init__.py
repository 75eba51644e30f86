"""What a dream run makes: dreams, tours and films."""
