"""What runs can be told: their parameters, as forms and commands show them, and whether what they say can be."""
