"""A run against its test set."""
