"""An ``Architecture`` made into a Keras model, and what can be read from and written to it."""
