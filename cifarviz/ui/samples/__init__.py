"""Browsing a data set."""
