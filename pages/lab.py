"""Lab: experiments of several runs that show overfitting, and what helps against it."""

from cifarviz.ui.errors import errors_shown
from cifarviz.ui.followed_address import follow
from cifarviz.ui.lab.view import lab_view
from cifarviz.ui.lab.views import choose_view

follow("lab")
with errors_shown():
    lab_view(choose_view())
