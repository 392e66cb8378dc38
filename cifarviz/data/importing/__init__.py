"""Making a data set of a person's own pictures or arrays."""
