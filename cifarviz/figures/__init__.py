"""Pictures of values: one figure, one file; each first shapes its data, then draws it."""
