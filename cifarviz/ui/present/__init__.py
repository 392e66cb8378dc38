"""The Present page, for a projector."""
