"""Train: set up an experiment, train it, and watch it."""

from cifarviz.ui.errors import render_errors
from cifarviz.ui.query import sync_query_params
from cifarviz.ui.train.view import render_setup, render_view_choice
from cifarviz.ui.train.watch import render_watch

sync_query_params("train")
view = render_view_choice()
with render_errors():
    if view == "setup":
        render_setup()
    else:
        render_watch()
