"""Train: set an experiment up, press Train, and watch it learn."""

from cifarviz.ui.errors import errors_shown
from cifarviz.ui.live.view import live_view
from cifarviz.ui.setup.view import setup_view
from cifarviz.ui.train_views import choose_view

view = choose_view()
with errors_shown():
    if view == "setup":
        setup_view()
    else:
        live_view()
