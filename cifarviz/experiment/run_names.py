"""The name that a run gets when nobody types one."""

from collections.abc import Collection, Sequence

from cifarviz.experiment.changes import Change

_LONGEST = 64
_BETWEEN = " · "


def run_name(title: str, made: Sequence[Change]) -> str:
    """The preset's ``title`` up to a colon, and what was changed, as far as it fits."""
    return named_after(title.partition(":")[0], [change.short for change in made], _LONGEST)


def named_after(begin: str, shorts: Sequence[str], longest: int) -> str:
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


def free_name(name: str, taken: Collection[str]) -> str:
    """``name``, with a number in brackets if it is among ``taken``."""
    number, free = 2, name
    while free in taken:
        free, number = f"{name} ({number})", number + 1
    return free
