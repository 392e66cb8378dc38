"""The name that a run gets when nobody types one."""

from collections.abc import Collection, Sequence

from cifarviz.experiment.changes import Change

# With a number after it, it still fits the field that names are typed into.
_LONGEST = 64
_BETWEEN = " · "


def run_name(title: str, made: Sequence[Change]) -> str:
    """The preset's ``title`` and what was changed, as far as it fits: ``… · flip · +2 more``."""
    parts = [title.partition(":")[0]]
    for number, change in enumerate(made):
        left = len(made) - number - 1
        rest = [f"+{left} more"] if left else []
        if len(_BETWEEN.join([*parts, change.short, *rest])) > _LONGEST:
            parts.append(f"+{left + 1} more" if number else "changed")
            break
        parts.append(change.short)
    return _BETWEEN.join(parts)


def free_name(name: str, taken: Collection[str]) -> str:
    """``name``, with a number in brackets if it is among ``taken``."""
    number, free = 2, name
    while free in taken:
        free, number = f"{name} ({number})", number + 1
    return free
