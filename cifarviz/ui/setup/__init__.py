"""Setting an experiment up."""
