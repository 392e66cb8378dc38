"""Templates of the sentences that explain a verdict on learning curves.

``{start}`` is the loss after epoch ``{first}``, ``{end}`` the one after epoch ``{last}``. A reason
is one to three of these sentences.
"""

from collections.abc import Mapping
from typing import Final, Literal

Trend = Literal["level", "unclear", "changing"]
"""What validation loss does over the last third of the epochs."""
GapSign = Literal["ahead", "level", "behind"]
"""Where training accuracy is relative to validation accuracy."""

NOT_MEASURED: Final = "This run has no validation images, so overfitting cannot be measured."
NOT_FINITE: Final = "Training loss is not a finite number after epoch {epoch}."
TOO_FEW: Final = "{count} epochs are too few for a verdict: it takes at least {fewest}."
ONE_IS_TOO_FEW: Final = "{count} epoch is too few for a verdict: it takes at least {fewest}."
UNFINISHED: Final = "The run is not finished yet."
CUT_SHORT: Final = "The run was cut short after epoch {epoch}."
CUT_SHORT_OF: Final = "The run was cut short after epoch {epoch} of {planned}."

BOTH_RISE: Final = (
    "Both losses are rising: training from {train_start} (epoch {train_first}) to {train_end} "
    "(epoch {train_last}), validation from {start} (epoch {first}) to {end} (epoch {last})."
)
ONLY_VALIDATION_RISES: Final = (
    "Validation loss rose from {start} (epoch {first}) to {end} (epoch {last}), and training loss "
    "did not fall: it went from {train_start} (epoch {train_first}) to {train_end} (epoch "
    "{train_last})."
)
LOSS_OVERFITS: Final = (
    "Overfitting starts after epoch {first}: validation loss rose from {start} (epoch {first}) to "
    "{end} (epoch {last}), while training loss fell from {train_start} to {train_end}."
)
STILL_FALLS: Final = (
    "Validation loss is still falling, from {start} (epoch {first}) to {end} (epoch {last})."
)
WATCH_THE_GAP: Final = (
    "Watch for overfitting: training accuracy is {points} points ahead of validation ({train} and "
    "{validation})."
)
NOISY: Final = (
    "Validation loss is too noisy to show a trend: over the last {count} epochs it changes by "
    "{step:.0%} per epoch on average."
)
GAP_OVERFITS: Final = (
    "The network is overfitting: training accuracy is {points} points ahead of validation "
    "({train} and {validation})."
)
TRENDS: Final[Mapping[Trend, str]] = {
    "level": "Validation loss is level, from {start} (epoch {first}) to {end} (epoch {last}).",
    "unclear": "Validation loss shows no clear trend, from {start} (epoch {first}) to {end} "
    "(epoch {last}).",
    "changing": "Validation loss went from {start} (epoch {first}) to {end} (epoch {last}).",
}
TOO_LITTLE: Final = (
    "Validation loss went from {start} (epoch {first}) to {end} (epoch {last}), which is not "
    "enough to show a trend."
)
NO_OVERFITTING: Final = "There is no clear sign of overfitting."
GAPS: Final[Mapping[GapSign, str]] = {
    "ahead": "Training accuracy is {points} points ahead of validation ({train} and {validation}).",
    "level": "Training accuracy equals validation accuracy ({train} and {validation}).",
    "behind": "Training accuracy is {points} points behind validation ({train} and {validation}).",
}
STILL_LEARNS: Final = (
    "The network is still learning: training accuracy went from {low:.1%} (epoch {first}) to "
    "{high:.1%} (epoch {last}), training loss from {start} (epoch {first}) to {end} (epoch {last})."
)
UNDERFITS: Final = (
    "The network is underfitting: it gets only {high:.1%} of its own training images right, and "
    "that hardly improves ({low:.1%} after epoch {first}, {high:.1%} after epoch {last})."
)
GUESSES: Final = (
    "The network gets only {high:.1%} of its own training images right, about what guessing among "
    "{classes} classes gives ({chance:.1%}), and that hardly improves."
)
