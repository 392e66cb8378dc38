"""Figures of trials: runs compared by their settings and results."""
