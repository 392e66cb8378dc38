"""A run as Keras code that needs nothing of cifarviz, in sections that are read top to bottom."""
