"""What the server answers beside the pages; the only package that knows Starlette."""
