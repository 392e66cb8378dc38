"""Names of new runs, of forks too."""

from collections.abc import Collection, Sequence

from cifarviz.escaping import single_line
from cifarviz.experiment.changes import ExperimentChange, changes
from cifarviz.experiment.draft import make_draft
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.presets import PRESETS

_LONGEST = 64
_BETWEEN = " · "

# With a number in brackets after it, a run may still be called so.
_LONGEST_FORK = 94

# Of the parent's name so much, and less where the changes need the room.
_LONGEST_PARENT, _SHORTEST_PARENT = 40, 12

# Their number follows from where it began.
_PASSED_OVER = ("epochs", "test_epochs")


def run_name(title: str, made: Sequence[ExperimentChange]) -> str:
    """The preset's ``title`` up to a colon, and what was changed, as far as it fits."""
    return join_changes(title.partition(":")[0], [change.short for change in made], _LONGEST)


def join_changes(begin: str, shorts: Sequence[str], longest: int) -> str:
    """``begin`` and as many of ``shorts`` as fit into ``longest`` characters: ``… · +2 more``."""
    parts = [begin]
    for number, short in enumerate(shorts):
        left = len(shorts) - number - 1
        rest = [f"+{left} more"] if left else []
        if len(_BETWEEN.join([*parts, short, *rest])) > longest:
            parts.append(f"+{left + 1} more" if number else "changed")
            break
        parts.append(short)
    return _BETWEEN.join(parts)


def unique_name(name: str, taken: Collection[str]) -> str:
    """``name``, with a number in brackets if it is among ``taken``."""
    number, free = 2, name
    while free in taken:
        free, number = f"{name} ({number})", number + 1
    return free


def fork_name(parent: str, before: Experiment, fork: Experiment, epoch: int) -> str:
    """``VGG from epoch 9 · learning rate 1e-05``: the parent's name, and what was changed.

    Up to 94 characters; what does not fit is counted: ``… · +2 more``.
    """
    preset = next(iter(PRESETS))
    old = make_draft(before, preset)
    new = make_draft(fork, preset)
    for name in _PASSED_OVER:
        new = new.with_value(name, old.settings[name])
    # Several layers with the same new rate say it once.
    shorts = list(dict.fromkeys(change.short for change in changes(old, new)))
    begun = f" from epoch {epoch}"
    room = _LONGEST_FORK - len(begun) - sum(len(f" · {short}") for short in shorts)
    most = min(max(room - 1, _SHORTEST_PARENT), _LONGEST_PARENT)
    # One from before there were rules may hold what no name may hold now.
    parent = single_line(parent)
    kept = parent if len(parent) <= most else f"{parent[:most].rstrip()}…"
    return join_changes(f"{kept}{begun}", shorts, _LONGEST_FORK)
