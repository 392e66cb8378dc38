"""Small browser components, a folder each, with its script beside it."""
