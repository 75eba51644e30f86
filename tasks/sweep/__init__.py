"""What a sweep makes: of each unit, and of each layer."""
