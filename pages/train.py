"""Train: set an experiment up, press Train, and watch it learn."""

from cifarviz.ui.errors import errors_shown
from cifarviz.ui.query import sync_query_params
from cifarviz.ui.train.view import choose_view, setup_view
from cifarviz.ui.train.watch import live_view

sync_query_params("train")
view = choose_view()
with errors_shown():
    if view == "setup":
        setup_view()
    else:
        live_view()
