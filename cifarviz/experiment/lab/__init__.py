"""The experiments of the overfit lab: runs that belong together, and what tells them apart."""
