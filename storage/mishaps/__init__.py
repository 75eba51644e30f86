"""What goes wrong with a store that goes on: bytes that were changed, places that are away for a moment."""
