"""The sentences of verdicts on curves, each a whole template with places for numbers.

``{start}`` is a value after epoch ``{first}``, ``{end}`` the one after epoch ``{last}``.
"""

from collections.abc import Mapping
from typing import Final, Literal

Direction = Literal["level", "unclear", "changing"]
"""Where validation loss goes over the last third of the epochs."""
Side = Literal["ahead", "level", "behind"]
"""Where training accuracy is, seen from validation."""

NOT_MEASURED: Final = "No images were held back for validation, so overfitting cannot be seen."
NOT_FINITE: Final = "After epoch {epoch} training loss is no finite number."
TOO_FEW: Final = "{count} epochs are too few to judge the curves by; it takes {fewest} or more."
ONE_IS_TOO_FEW: Final = (
    "{count} epoch is too few to judge the curves by; it takes {fewest} or more."
)
GOES_ON: Final = "The run goes on."
CUT_SHORT: Final = "The run was cut short after epoch {epoch}."
CUT_SHORT_OF: Final = "The run was cut short after epoch {epoch} of {planned}."

BOTH_RISE: Final = (
    "Training loss rises, from {train_start} after epoch {train_first} to {train_end} after epoch "
    "{train_last}, and so does validation loss, from {start} after epoch {first} to {end} after "
    "epoch {last}."
)
ONLY_VALIDATION_RISES: Final = (
    "Validation loss rises, from {start} after epoch {first} to {end} after epoch {last}, and "
    "training loss does not fall meanwhile, from {train_start} after epoch {train_first} to "
    "{train_end} after epoch {train_last}."
)
TURNED: Final = (
    "Validation loss was lowest after epoch {first}: it rose from {start} to {end} after epoch "
    "{last}, while training loss went from {train_start} to {train_end}."
)
STILL_FALLS: Final = (
    "Over the last {count} epochs validation loss still fell, from {start} after epoch {first} to "
    "{end} after epoch {last}."
)
STILL_FALLS_FAR_BEHIND: Final = (
    "Over the last {count} epochs validation loss still fell, from {start} after epoch {first} to "
    "{end} after epoch {last}; training accuracy is {points} points ahead of validation ({train} "
    "and {validation})."
)
NOISY: Final = (
    "Over the last {count} epochs validation loss jumps by {step:.0%} a step on average, too much "
    "to see where it goes; it went from {start} after epoch {first} to {end} after epoch {last}."
)
WIDE_GAP: Final[Mapping[Direction, str]] = {
    "level": "Training accuracy is {points} points ahead of validation ({train} and {validation}), "
    "while validation loss stays level, from {start} after epoch {first} to {end} after epoch "
    "{last}.",
    "unclear": "Training accuracy is {points} points ahead of validation ({train} and "
    "{validation}), while validation loss shows no clear direction, from {start} after epoch "
    "{first} to {end} after epoch {last}.",
    "changing": "Training accuracy is {points} points ahead of validation ({train} and "
    "{validation}), while validation loss changes, from {start} after epoch {first} to {end} after "
    "epoch {last}.",
}
SO_FAR: Final[Mapping[Direction, str]] = {
    "level": "Validation loss stays level, from {start} after epoch {first} to {end} after epoch "
    "{last}.",
    "unclear": "Validation loss shows no clear direction, from {start} after epoch {first} to "
    "{end} after epoch {last}.",
    "changing": "Validation loss changes, from {start} after epoch {first} to {end} after epoch "
    "{last}.",
}
TOO_LITTLE: Final = (
    "Validation loss went from {start} after epoch {first} to {end} after epoch {last}: too "
    "little, or for too few epochs, to say where it goes."
)
GOOD_FIT: Final[Mapping[tuple[Direction, Side], str]] = {
    ("level", "ahead"): "Validation loss stays level, from {start} after epoch {first} to {end} "
    "after epoch {last}, and training accuracy is {points} points ahead of validation ({train} "
    "and {validation}).",
    ("level", "level"): "Validation loss stays level, from {start} after epoch {first} to {end} "
    "after epoch {last}, and training accuracy is level with validation ({train} and "
    "{validation}).",
    ("level", "behind"): "Validation loss stays level, from {start} after epoch {first} to {end} "
    "after epoch {last}, and training accuracy is {points} points behind validation ({train} and "
    "{validation}).",
    ("unclear", "ahead"): "Validation loss shows no clear direction, from {start} after epoch "
    "{first} to {end} after epoch {last}, and training accuracy is {points} points ahead of "
    "validation ({train} and {validation}).",
    ("unclear", "level"): "Validation loss shows no clear direction, from {start} after epoch "
    "{first} to {end} after epoch {last}, and training accuracy is level with validation ({train} "
    "and {validation}).",
    ("unclear", "behind"): "Validation loss shows no clear direction, from {start} after epoch "
    "{first} to {end} after epoch {last}, and training accuracy is {points} points behind "
    "validation ({train} and {validation}).",
}
STILL_LEARNS: Final = (
    "Training still improved at the end: its accuracy went from {low:.1%} after epoch {first} to "
    "{high:.1%} after epoch {last}, its loss from {start} after epoch {first} to {end} after epoch "
    "{last}."
)
UNDERFITS: Final = (
    "Even of the images it learns from, it gets only {high:.1%} right, and hardly improves any "
    "more: training accuracy went from {low:.1%} after epoch {first} to {high:.1%} after epoch "
    "{last}."
)
GUESSES: Final = (
    "Even of the images it learns from, it gets only {high:.1%} right, about what guessing among "
    "{classes} classes gives ({chance:.1%}), and hardly improves any more: training accuracy went "
    "from {low:.1%} after epoch {first} to {high:.1%} after epoch {last}."
)
