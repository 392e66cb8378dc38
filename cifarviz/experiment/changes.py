"""What differs between experiments, for people."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Any

from cifarviz.experiment.draft import (
    OPTIONAL_SECTIONS,
    SECTIONS,
    SINGLE_FIELDS,
    Draft,
    Fields,
    make_draft,
    section_class,
)
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.formatting import (
    format_brief,
    format_brief_kind,
    format_dataset,
    format_share,
)
from cifarviz.experiment.presets import PRESETS, PresetVariant
from cifarviz.layers.registry import LAYER_TYPES, layer_label
from cifarviz.value import Value
from cifarviz.value_text import value_words

# More layers than this are counted instead of named one by one.
_MOST_LAYERS = 4


@dataclass(frozen=True)
class ExperimentChange:
    """``text`` says before and after, ``batch size 4 → 64``; ``short`` only the new, ``batch 64``,
    as it stands in the name of a run."""

    text: str
    short: str


NOT_APPLICABLE = "–"


@dataclass(frozen=True)
class Difference:
    """One setting by its words, and its value in each experiment, in their order."""

    setting: str
    values: tuple[str, ...]


def changes(base: Draft, other: Draft) -> tuple[ExperimentChange, ...]:
    """Each thing that ``other`` has differently, in the order of the forms."""
    return (
        *_section_changes(base, other),
        *_single_changes(base, other),
        *_switch_changes(base, other),
        *layer_changes(
            [layer.fields for layer in base.layers], [layer.fields for layer in other.layers]
        ),
    )


def _section_changes(base: Draft, other: Draft) -> Iterator[ExperimentChange]:
    for section in SECTIONS:
        old, new = base.section(section), other.section(section)
        made = section_class(section, new)
        if old.get("kind") == new.get("kind"):
            yield from _field_changes(made, old, new)
            continue
        before, after = _lowered(section_class(section, old).title), _lowered(made.title)
        own = [f"{made.label(name)} {value_words(new[name])}" for name in new if name != "kind"]
        details = f" ({', '.join(own)})" if own else ""
        words = Experiment.label(section)
        text = f"{words} {before} → {after}{details}"
        yield ExperimentChange(text, format_brief_kind(section, new["kind"]))


def _single_changes(base: Draft, other: Draft) -> Iterator[ExperimentChange]:
    for name in SINGLE_FIELDS:
        old, new = base.settings[name], other.settings[name]
        if old != new:
            yield _format_change(name, Experiment.label(name), old, new)


def _switch_changes(base: Draft, other: Draft) -> Iterator[ExperimentChange]:
    for section, made in OPTIONAL_SECTIONS.items():
        words = Experiment.label(section)
        match base.is_on(section), other.is_on(section):
            case True, True:
                yield from _field_changes(made, base.section(section), other.section(section))
            case False, True:
                new = other.section(section)
                own = ", ".join(f"{made.label(name)} {value_words(new[name])}" for name in new)
                yield ExperimentChange(f"{words} off → on ({own})", f"{words} on")
            case True, False:
                yield _format_change(section, words, True, False)


def _field_changes(made: type[Value], old: Fields, new: Fields) -> Iterator[ExperimentChange]:
    for name in new:
        before, after = old.get(name), new[name]
        if before != after:
            yield _format_change(name, made.label(name), before, after)


def _format_change(name: str, words: str, before: object, after: object) -> ExperimentChange:
    short = format_brief(name, words, after)
    if name == "variant":
        return ExperimentChange(
            f"{value_words(after)} instead of {value_words(before)}".lower(), short
        )
    if name == "dataset":
        said = [format_dataset(value) for value in (before, after)]
    elif name == "train_images":
        words = "training images"
        said = ["all" if value is None else value_words(value) for value in (before, after)]
    elif name == "wrong_labels":
        words = "wrong labels"
        said = [format_share(value) for value in (before, after)]
    else:
        said = [value_words(before), value_words(after)]
    if name in ("labels", "monitor", "padding"):
        said = [value.lower() for value in said]
    return ExperimentChange(f"{words} {said[0]} → {said[1]}", short)


def layer_changes(old: Sequence[Fields], new: Sequence[Fields]) -> list[ExperimentChange]:
    """What became of the layers, numbered as in ``new``; removed ones as in ``old``."""
    said: list[ExperimentChange] = []
    counts = {"added": 0, "removed": 0, "changed": 0}
    for before, after in _aligned(old, new):
        if before is not None and after is not None:
            if old[before] != new[after]:
                counts["changed"] += 1
                said.append(_changed_layer(after + 1, old[before], new[after]))
            continue
        if after is not None:
            counts["added"] += 1
            made = new[after]
            what = _label(made) if _label_says_all(made) else _title(made)
            text = f"{what} added as layer {after + 1}"
            said.append(ExperimentChange(text, _added(new[after])))
        else:
            assert before is not None
            counts["removed"] += 1
            text = f"layer {before + 1} ({_title(old[before])}) removed"
            said.append(ExperimentChange(text, f"without {_label(old[before])}"))
    if len(said) <= _MOST_LAYERS:
        return said
    counted = [(n, word) for word, n in counts.items() if n]
    text = ", ".join(f"{n} {word}" for n, word in counted)
    (first, word), *others = counted
    start = f"{first} {'layer' if first == 1 else 'layers'} {word}"
    return [
        ExperimentChange(f"layers: {text}", ", ".join([start, *(f"{n} {w}" for n, w in others)]))
    ]


def _aligned(old: Sequence[Fields], new: Sequence[Fields]) -> list[tuple[int | None, int | None]]:
    """Which layer became which, with the fewest changes: pairs of positions, ``None`` for none."""
    # The usual edit distance; only layers of one type can become each other.
    rows, columns = len(old) + 1, len(new) + 1
    cost = [[float(row + column) for column in range(columns)] for row in range(rows)]
    for row in range(1, rows):
        for column in range(1, columns):
            cost[row][column] = min(
                cost[row - 1][column] + 1,
                cost[row][column - 1] + 1,
                cost[row - 1][column - 1] + _becoming(old[row - 1], new[column - 1]),
            )
    pairs: list[tuple[int | None, int | None]] = []
    row, column = len(old), len(new)
    while row or column:
        here = cost[row][column]
        if row and column:
            step = _becoming(old[row - 1], new[column - 1])
            if here == cost[row - 1][column - 1] + step:
                row, column = row - 1, column - 1
                pairs.append((row, column))
                continue
        if row and here == cost[row - 1][column] + 1:
            row -= 1
            pairs.append((row, None))
        else:
            column -= 1
            pairs.append((None, column))
    return pairs[::-1]


def _becoming(old: Fields, new: Fields) -> float:
    if old["type"] != new["type"]:
        return inf
    return 0.0 if old == new else 0.5


def _changed_layer(number: int, old: Fields, new: Fields) -> ExperimentChange:
    found = list(_field_changes(LAYER_TYPES[new["type"]], old, new))
    where = f"layer {number} ({_title(new)})"
    text = f"{where}: {', '.join(change.text for change in found)}"
    if _label_says_all(new):
        return ExperimentChange(text, _label(new))
    return ExperimentChange(text, f"layer {number} {', '.join(change.short for change in found)}")


def _added(fields: Fields) -> str:
    return _label(fields) if _label_says_all(fields) else f"with {_label(fields)}"


def _label_says_all(fields: Fields) -> bool:
    return LAYER_TYPES[fields["type"]].label_says_all


def _label(fields: Fields) -> str:
    """``conv 64``; but ``ReLU`` as it is written."""
    label = layer_label(fields)
    return label if LAYER_TYPES[fields["type"]].label_is_name else _lowered(label)


def _title(fields: Mapping[str, Any]) -> str:
    return _lowered(LAYER_TYPES[fields["type"]].title)


def _lowered(title: str) -> str:
    """A title inside a sentence: ``Max pooling`` as ``max pooling``, but ``SGD`` and ``AdamW``."""
    names = ("Adam", "AdamW", "RMSprop")
    return title if title in names or title[:2].isupper() else title[:1].lower() + title[1:]


def differences(experiments: Sequence[Experiment]) -> list[Difference]:
    """The settings that are not the same in all, in the order of Setup's forms.

    A setting that some kind doesn't have, as Adam has no momentum, is ``–`` there. Networks with
    the same kinds of layers are compared layer by layer, others with the first.
    """
    drafts = [make_draft(one, next(iter(PRESETS))) for one in experiments]
    rows = [*_settings(drafts), *_layers(drafts)]
    return [row for row in rows if len(set(row.values)) > 1]


def _settings(drafts: Sequence[Draft]) -> Iterator[Difference]:
    for section in SECTIONS:
        parts = [draft.section(section) for draft in drafts]
        classes = [section_class(section, part) for part in parts]
        if len(set(classes)) > 1:
            yield Difference(Experiment.label(section), tuple(one.title for one in classes))
        yield from _fields(parts, classes)
    for name in SINGLE_FIELDS:
        values = tuple(_format_value(name, draft.settings[name]) for draft in drafts)
        yield Difference(Experiment.label(name), values)
    for section, made in OPTIONAL_SECTIONS.items():
        on = [draft.is_on(section) for draft in drafts]
        yield Difference(Experiment.label(section), tuple("on" if one else "off" for one in on))
        given = [
            draft.section(section) if here else {} for draft, here in zip(drafts, on, strict=True)
        ]
        yield from _fields(given, [made] * len(given), f"{Experiment.label(section)}, ")


def _fields(parts: Sequence[Any], classes: Sequence[Any], before: str = "") -> Iterator[Difference]:
    names = list(dict.fromkeys(name for part in parts for name in part if name != "kind"))
    for name in names:
        made = next(one for one, part in zip(classes, parts, strict=True) if name in part)
        values = tuple(
            _format_value(name, part[name]) if name in part else NOT_APPLICABLE for part in parts
        )
        yield Difference(f"{before}{made.label(name)}", values)


def _layers(drafts: Sequence[Draft]) -> Iterator[Difference]:
    networks = [[dict(layer.fields) for layer in draft.layers] for draft in drafts]
    kinds = [[layer["type"] for layer in network] for network in networks]
    if all(one == kinds[0] for one in kinds):
        for number, layers in enumerate(zip(*networks, strict=True), 1):
            made = LAYER_TYPES[layers[0]["type"]]
            where = f"layer {number} ({made.title.lower()}), "
            for name in layers[0]:
                if name != "type":
                    values = tuple(_format_value(name, layer[name]) for layer in layers)
                    yield Difference(f"{where}{made.label(name)}", values)
        return
    first = networks[0]
    said = [f"{len(first)} layers"]
    for network in networks[1:]:
        made_of = [change.text for change in layer_changes(first, network)]
        said.append("; ".join(made_of) or said[0])
    yield Difference("layers", tuple(said))


def _format_value(name: str, value: object) -> str:
    if name == "dataset":
        return format_dataset(value)
    if name == "train_images" and value is None:
        return "all"
    return value_words(value)


def nearest_variant(mine: Draft) -> PresetVariant | None:
    """The variant of its preset that ``mine`` has the fewest changes against.

    ``None`` is the preset itself, the first among equals.
    """
    ways = (None, *PRESETS[mine.preset].variants)
    return min(ways, key=lambda way: len(changes(_published(mine.preset, way), mine)))


def changes_from_preset(mine: Draft, *, but: Collection[str] = ()) -> tuple[ExperimentChange, ...]:
    """What ``mine`` has differently from its preset, or from the variant of it that is nearest.

    Single values named by ``but`` are passed over, such as ``seed``.
    """
    base = _published(mine.preset, nearest_variant(mine))
    same = {name: base.settings[name] for name in but}
    return changes(base, replace(mine, settings={**mine.settings, **same}))


def with_variant(mine: Draft, way: PresetVariant | None) -> Draft:
    """``mine`` as another way of its preset, ``None`` being the preset itself.

    What tells the two ways apart is as published; all else stays as it is in ``mine``.
    """
    old, new = _published(mine.preset, nearest_variant(mine)), _published(mine.preset, way)
    told_apart = {name: new.settings[name] for name in new.settings if _differ(old, new, name)}
    return replace(mine, settings={**mine.settings, **told_apart})


def _published(preset: str, way: PresetVariant | None) -> Draft:
    return make_draft((way or PRESETS[preset]).experiment, preset)


def _differ(one: Draft, other: Draft, name: str) -> bool:
    return bool(one.settings[name] != other.settings[name])
