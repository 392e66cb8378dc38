"""Class: how to join, who is here, and how far everybody is."""

from cifarviz.ui.classroom.view import render_class
from cifarviz.ui.errors import render_errors
from cifarviz.ui.query import sync_query_params

sync_query_params("classroom")
with render_errors():
    render_class()
