"""The Ensemble view of Evaluate."""
