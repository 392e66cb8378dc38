"""Lab: experiments of several runs that show overfitting, and what helps against it."""

from cifarviz.ui.errors import errors_shown
from cifarviz.ui.lab.view import lab_view
from cifarviz.ui.lab.views import choose_view
from cifarviz.ui.query import sync_query_params

sync_query_params("lab")
with errors_shown():
    lab_view(choose_view())
