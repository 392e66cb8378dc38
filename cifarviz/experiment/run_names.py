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
    """Return the preset's ``title`` up to a colon and the changes, as far as they fit."""
    return join_changes(title.partition(":")[0], [change.short for change in changed], _MAX_NAME)


def join_changes(begin: str, shorts: Sequence[str], max_length: int) -> str:
    """Return ``begin`` and the ``shorts`` that fit into ``max_length``: ``… · +2 more``."""
    parts = [begin]
    for number, short in enumerate(shorts):
        left = len(shorts) - number - 1
        rest = [f"+{left} more"] if left else []
        if len(_SEPARATOR.join([*parts, short, *rest])) > max_length:
            parts.append(f"+{left + 1} more" if number else "changed")
            break
        parts.append(short)
    return _SEPARATOR.join(parts)


def unique_name(name: str, taken: Collection[str]) -> str:
    """Return ``name``, with a number in brackets if it is in ``taken``."""
    number, unique = 2, name
    while unique in taken:
        unique, number = f"{name} ({number})", number + 1
    return unique


def fork_name(parent: str, before: Experiment, fork: Experiment, epoch: int) -> str:
    """Return the parent's name and the changes: ``VGG from epoch 9 · learning rate 1e-05``.

    At most 94 characters; changes that do not fit are counted: ``… · +2 more``.
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
    return join_changes(f"{begin}{ending}", shorts, _MAX_FORK_NAME)
