"""A run as a Keras program, in sections, that does not import cifarviz."""
