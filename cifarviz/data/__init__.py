"""Data sets as read-only arrays: where they come from, what is in them, and strangers' images."""
