"""The Present page: one scene at a time, for a projector."""

from cifarviz.ui.present.view import render_page
from cifarviz.ui.query import sync_query_params

sync_query_params("present")
render_page()
