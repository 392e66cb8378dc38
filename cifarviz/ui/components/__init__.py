"""Browser components: a Python file each, with its script, styles and HTML beside it."""
