"""The run store: the only channel between a worker and those who watch or steer it."""
