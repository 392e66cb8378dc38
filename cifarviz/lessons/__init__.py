"""Guided tours of the pages, each a value in a file of its own."""
