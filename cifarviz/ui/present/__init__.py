"""Presenting: one scene at a time, for a projector."""
