"""Executors: who trains queued runs. ``worker.py`` is the entry point for everybody else."""
