"""A draft beside the published experiment that it started from, in its nearest way."""

from collections.abc import Collection
from dataclasses import replace

from cifarviz.experiment.changes import Change, changes
from cifarviz.experiment.draft import Draft, draft_of
from cifarviz.experiment.presets import PRESETS, PresetVariant


def nearest_way(mine: Draft) -> PresetVariant | None:
    """The variant of its preset that ``mine`` has the fewest changes against.

    ``None`` is the preset itself, the first among equals.
    """
    ways = (None, *PRESETS[mine.preset].variants)
    return min(ways, key=lambda way: len(changes(_published(mine.preset, way), mine)))


def changes_against_published(mine: Draft, *, but: Collection[str] = ()) -> tuple[Change, ...]:
    """What ``mine`` has differently from its preset, or from the variant of it that is nearest.

    Single values named by ``but`` are passed over, such as ``seed``.
    """
    base = _published(mine.preset, nearest_way(mine))
    same = {name: base.settings[name] for name in but}
    return changes(base, replace(mine, settings={**mine.settings, **same}))


def in_way(mine: Draft, way: PresetVariant | None) -> Draft:
    """``mine`` as another way of its preset, ``None`` being the preset itself.

    What tells the two ways apart is as published; all else stays as it is in ``mine``.
    """
    old, new = _published(mine.preset, nearest_way(mine)), _published(mine.preset, way)
    told_apart = {name: new.settings[name] for name in new.settings if _differ(old, new, name)}
    return replace(mine, settings={**mine.settings, **told_apart})


def _published(preset: str, way: PresetVariant | None) -> Draft:
    return draft_of((way or PRESETS[preset]).experiment, preset)


def _differ(one: Draft, other: Draft, name: str) -> bool:
    return bool(one.settings[name] != other.settings[name])
