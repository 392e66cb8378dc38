"""Frozen, self-validating values that say what is trained and how, free of TensorFlow."""
