"""Watching a run as it learns."""
