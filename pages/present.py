"""Present: one thing at a time, for a projector."""

from cifarviz.ui.present.view import present
from cifarviz.ui.query import sync_query_params

sync_query_params("present")
present()
