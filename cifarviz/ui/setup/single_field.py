"""One field of the experiment itself, rather than of one of its parts."""

from functools import partial

from cifarviz.experiment.draft import Draft
from cifarviz.experiment.experiment import Experiment
from cifarviz.ui.setup import edits as setup_edits
from cifarviz.ui.setup.fields import field_input


def single_field(draft: Draft, name: str, placeholder: str = "") -> None:
    """Show the field ``name``; what it is changed to goes into the draft."""
    field_input(
        Experiment,
        name,
        draft.settings[name],
        partial(setup_edits.set_value, name),
        key=f"{draft.generation}-{name}",
        placeholder=placeholder,
    )
