"""The Ensemble view of Evaluate: several networks asked together."""
