"""Names of new runs and forks."""

from collections.abc import Collection, Sequence

from cifarviz.escaping import single_line
from cifarviz.experiment.changes import ExperimentChange, changes
from cifarviz.experiment.draft import make_draft
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.presets import PRESETS

_MAX_NAME = 64
_SEPARATOR = " · "

# Leaves room for a number in brackets in the 100 characters of a name.
_MAX_FORK_NAME = 94

# The parent's name is shortened further if the changes need the space.
_MAX_PARENT, _MIN_PARENT = 40, 12

# These follow from the epoch that a fork starts from.
_IGNORED_IN_FORKS = ("epochs", "test_epochs")


def run_name(title: str, changed: Sequence[ExperimentChange]) -> str:
    """Return the changes, as far as they fit, and the preset's ``title`` up to a colon.

    The sample or the full set comes last: ``batch 64 · A first network · sample``.
    """
    data = [change.short for change in changed if change.field == "variant"]
    others = [change.short for change in changed if change.field != "variant"]
    return join_changes(others, _SEPARATOR.join([title.partition(":")[0], *data]), _MAX_NAME)


def join_changes(shorts: Sequence[str], base: str, max_length: int) -> str:
    """Return the ``shorts`` that fit into ``max_length``, then ``base``: ``… · +2 more · base``."""
    for shown in range(len(shorts), -1, -1):
        left = len(shorts) - shown
        rest = [f"+{left} more" if shown else "changed"] if left else []
        name = _SEPARATOR.join([*shorts[:shown], *rest, base])
        if len(name) <= max_length:
            break
    return name


def unique_name(name: str, taken: Collection[str]) -> str:
    """Return ``name``, with a number in brackets if it is in ``taken``."""
    number, unique = 2, name
    while unique in taken:
        unique, number = f"{name} ({number})", number + 1
    return unique


def fork_name(parent: str, before: Experiment, fork: Experiment, epoch: int) -> str:
    """Return the changes and the parent's name: ``learning rate 1e-05 · VGG from epoch 9``.

    At most 94 characters; changes that do not fit are counted: ``… · +2 more · …``.
    """
    preset = next(iter(PRESETS))
    old = make_draft(before, preset)
    new = make_draft(fork, preset)
    for name in _IGNORED_IN_FORKS:
        new = new.with_value(name, old.settings[name])
    # Several layers may have the same new rate.
    shorts = list(dict.fromkeys(change.short for change in changes(old, new)))
    ending = f" from epoch {epoch}"
    room = _MAX_FORK_NAME - len(ending) - sum(len(f"{_SEPARATOR}{short}") for short in shorts)
    max_parent = min(max(room - 1, _MIN_PARENT), _MAX_PARENT)
    # Names stored by early versions may have characters that are not allowed any more.
    parent = single_line(parent)
    begin = parent if len(parent) <= max_parent else f"{parent[:max_parent].rstrip()}…"
    return join_changes(shorts, f"{begin}{ending}", _MAX_FORK_NAME)
