"""Training: the worker, and the engine it runs."""
