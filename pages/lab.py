"""Lab: experiments of several runs that show overfitting, and what helps against it."""

from cifarviz.ui.errors import render_errors
from cifarviz.ui.lab.view import choose_view, render_lab
from cifarviz.ui.query import sync_query_params

sync_query_params("lab")
with render_errors():
    render_lab(choose_view())
