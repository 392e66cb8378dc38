"""Exports of a run: Keras code, Keras files, a report, a packed run."""
