"""An accuracy as pages say it: in percent, with how far it may be off by chance."""

from typing import Final

from cifarviz.analysis.intervals import accuracy_interval
from cifarviz.figures.percent import interval, percent
from cifarviz.ui.figure_row import Figure

INTERVAL_HINT: Final = (
    "Below, the 95% interval: measured on other images of the same kind, as many, the share would "
    "differ by chance, and with 95% confidence the true one lies in there (Wilson’s interval). It "
    "says nothing of what another seed of the training would give."
)


def interval_words(accuracy: float, images: int, digits: int = 1) -> str:
    """The 95 % interval of an accuracy over so many images: ``"76.5% to 78.2%"``."""
    return interval(*accuracy_interval(accuracy, images), digits)


def accuracy_figure(label: str, accuracy: float, images: int, hint: str) -> Figure:
    """An accuracy for a row of figures, with its interval below it."""
    return Figure(
        label, percent(accuracy), f"{hint} {INTERVAL_HINT}", interval_words(accuracy, images)
    )
