"""How flows run: what is at work, in which order, until when, and how it ended."""
