"""What a description of a network may be, before Keras builds it, and how it is built without memory being taken."""
