"""Files that Keras 2 wrote, with what it computes from a few pictures."""
