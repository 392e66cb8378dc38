"""Executors: what trains queued runs. ``worker.py`` is the entry point for other packages."""
