"""Tune: what several runs differ in, and which of their settings mattered."""

from cifarviz.ui.errors import render_errors
from cifarviz.ui.query import sync_query_params
from cifarviz.ui.tune.view import choose_view, render_tune

sync_query_params("tune")
with render_errors():
    render_tune(choose_view())
