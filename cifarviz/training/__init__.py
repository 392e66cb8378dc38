"""Training: the engine, what it needs of others, and the queue that leads to it."""
