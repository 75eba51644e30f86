"""What `verify` follows, and what it finds."""
