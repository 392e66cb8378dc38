"""Differences between experiments as texts."""

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
    format_dataset,
    format_share,
)
from cifarviz.experiment.presets import PRESETS, PresetVariant
from cifarviz.layers.registry import LAYER_TYPES, layer_label
from cifarviz.value import Value
from cifarviz.value_text import format_value

# If more layers than this changed, they are counted instead of listed.
_MAX_LISTED_LAYERS = 4

NOT_APPLICABLE = "–"
"""The value of a setting that an experiment does not have."""


@dataclass(frozen=True)
class ExperimentChange:
    """A changed setting.

    ``text`` has the old and the new value, ``batch size 4 → 64``; ``short`` has only the new value,
    ``batch 64``, for names of runs. ``field`` is the name of a single changed value.
    """

    text: str
    short: str
    field: str = ""


@dataclass(frozen=True)
class Difference:
    """The label of a setting, and its value in each experiment, in their order."""

    setting: str
    values: tuple[str, ...]


def changes(base: Draft, other: Draft) -> tuple[ExperimentChange, ...]:
    """Return every setting that ``other`` changes, in the order of the forms."""
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
        old_class, new_class = section_class(section, old), section_class(section, new)
        if old_class is new_class:
            yield from _field_changes(new_class, old, new)
            continue
        text = "{section} {old} → {new} ({fields})" if len(new) > 1 else "{section} {old} → {new}"
        yield ExperimentChange(
            text.format(
                section=Experiment.label(section),
                old=_title_in_sentence(old_class),
                new=_title_in_sentence(new_class),
                fields=_format_fields(new_class, new),
            ),
            new_class.short_title or new_class.title,
        )


def _single_changes(base: Draft, other: Draft) -> Iterator[ExperimentChange]:
    for name in SINGLE_FIELDS:
        old, new = base.settings[name], other.settings[name]
        if old != new:
            yield _format_change(name, Experiment.label(name), old, new)


def _switch_changes(base: Draft, other: Draft) -> Iterator[ExperimentChange]:
    for section, section_type in OPTIONAL_SECTIONS.items():
        label = Experiment.label(section)
        old, new = base.section(section), other.section(section)
        match base.is_on(section), other.is_on(section):
            case True, True:
                yield from _field_changes(section_type, old, new)
            case False, True:
                fields = _format_fields(section_type, new)
                yield ExperimentChange(f"{label} off → on ({fields})", f"{label} on")
            case True, False:
                yield _format_change(section, label, True, False)


def _format_fields(value_class: type[Value], fields: Fields) -> str:
    """``learning rate 0.01, momentum 0.9``: every field but ``kind``."""
    return ", ".join(
        f"{value_class.label(name)} {format_value(value)}"
        for name, value in fields.items()
        if name != "kind"
    )


def _field_changes(
    value_class: type[Value], old: Fields, new: Fields
) -> Iterator[ExperimentChange]:
    for name, value in new.items():
        if old.get(name) != value:
            yield _format_change(name, value_class.label(name), old.get(name), value)


# Labels that are shorter in a change than in a form.
_SHORT_LABELS = {"train_images": "training images", "wrong_labels": "wrong labels"}


def _format_change(name: str, label: str, old: object, new: object) -> ExperimentChange:
    short = format_brief(name, label, new)
    before, after = _format_value(name, old), _format_value(name, new)
    if name == "variant":
        return ExperimentChange(f"{after} instead of {before}".lower(), short, name)
    if name == "wrong_labels":
        before, after = format_share(old), format_share(new)
    elif name in ("labels", "monitor", "padding"):
        before, after = before.lower(), after.lower()
    return ExperimentChange(f"{_SHORT_LABELS.get(name, label)} {before} → {after}", short, name)


def layer_changes(old: Sequence[Fields], new: Sequence[Fields]) -> list[ExperimentChange]:
    """Return added, removed and changed layers.

    Numbers are positions in ``new``, counted from 1; those of removed layers are in ``old``. If
    many layers changed, a single change counts them.
    """
    found: list[ExperimentChange] = []
    counts = {"added": 0, "removed": 0, "changed": 0}
    for before, after in _align_layers(old, new):
        if before is None:
            assert after is not None
            counts["added"] += 1
            found.append(_added_layer(after + 1, new[after]))
        elif after is None:
            counts["removed"] += 1
            found.append(
                ExperimentChange(
                    f"layer {before + 1} ({_title(old[before])}) removed",
                    f"without {_label(old[before])}",
                )
            )
        elif old[before] != new[after]:
            counts["changed"] += 1
            found.append(_changed_layer(after + 1, old[before], new[after]))
    if len(found) <= _MAX_LISTED_LAYERS:
        return found
    text = ", ".join(f"{count} {action}" for action, count in counts.items() if count)
    first, _, rest = text.partition(" ")
    layers = "1 layer" if first == "1" else f"{first} layers"
    return [ExperimentChange(f"layers: {text}", f"{layers} {rest}")]


def _align_layers(
    old: Sequence[Fields], new: Sequence[Fields]
) -> list[tuple[int | None, int | None]]:
    """Match old layers to new ones with the fewest changes.

    Returns pairs of positions; ``None`` where a layer was added or removed.
    """
    # The usual edit distance; only layers of one type can become each other.
    rows, columns = len(old) + 1, len(new) + 1
    cost = [[float(row + column) for column in range(columns)] for row in range(rows)]
    for row in range(1, rows):
        for column in range(1, columns):
            cost[row][column] = min(
                cost[row - 1][column] + 1,
                cost[row][column - 1] + 1,
                cost[row - 1][column - 1] + _change_cost(old[row - 1], new[column - 1]),
            )
    pairs: list[tuple[int | None, int | None]] = []
    row, column = len(old), len(new)
    while row or column:
        here = cost[row][column]
        if row and column:
            step = _change_cost(old[row - 1], new[column - 1])
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


def _change_cost(old: Fields, new: Fields) -> float:
    if old["type"] != new["type"]:
        return inf
    return 0.0 if old == new else 0.5


def _changed_layer(number: int, old: Fields, new: Fields) -> ExperimentChange:
    layer_type = LAYER_TYPES[new["type"]]
    found = list(_field_changes(layer_type, old, new))
    texts = ", ".join(change.text for change in found)
    shorts = ", ".join(change.short for change in found)
    return ExperimentChange(
        f"layer {number} ({_title(new)}): {texts}",
        _label(new) if layer_type.label_is_complete else f"{shorts} in layer {number}",
    )


def _added_layer(number: int, fields: Fields) -> ExperimentChange:
    if LAYER_TYPES[fields["type"]].label_is_complete:
        return ExperimentChange(f"{_label(fields)} added as layer {number}", _label(fields))
    return ExperimentChange(f"{_title(fields)} added as layer {number}", f"with {_label(fields)}")


def _label(fields: Fields) -> str:
    """Return ``conv 64``, or ``ReLU`` with the case of its name."""
    label = layer_label(fields)
    return label if LAYER_TYPES[fields["type"]].label_keeps_case else _lowered(label)


def _title(fields: Mapping[str, Any]) -> str:
    return _title_in_sentence(LAYER_TYPES[fields["type"]])


def _title_in_sentence(value_class: type[Value]) -> str:
    """Return ``max pooling``, or ``Adam`` with the case of its name."""
    return value_class.title if value_class.title_keeps_case else _lowered(value_class.title)


def _lowered(title: str) -> str:
    """Lower the first letter for use in a sentence: ``max pooling``, but ``ReLU``."""
    return title if title[:2].isupper() else title[:1].lower() + title[1:]


def differences(experiments: Sequence[Experiment]) -> list[Difference]:
    """Return the settings that differ between experiments, in the order of Setup's forms.

    ``–`` stands for a setting that an experiment does not have, such as Adam's momentum. If all
    networks have the same sequence of layer types, their layers are compared one by one; otherwise
    each network is described by its changes from the first.
    """
    drafts = [make_draft(experiment, next(iter(PRESETS))) for experiment in experiments]
    rows = [*_settings(drafts), *_layers(drafts)]
    return [row for row in rows if len(set(row.values)) > 1]


def _settings(drafts: Sequence[Draft]) -> Iterator[Difference]:
    for section in SECTIONS:
        parts = [draft.section(section) for draft in drafts]
        classes = [section_class(section, part) for part in parts]
        if len(set(classes)) > 1:
            titles = tuple(section_type.title for section_type in classes)
            yield Difference(Experiment.label(section), titles)
        yield from _fields(parts, classes)
    for name in SINGLE_FIELDS:
        values = tuple(_format_value(name, draft.settings[name]) for draft in drafts)
        yield Difference(Experiment.label(name), values)
    for section, section_type in OPTIONAL_SECTIONS.items():
        label = Experiment.label(section)
        yield Difference(label, tuple(format_value(draft.is_on(section)) for draft in drafts))
        parts = [draft.section(section) if draft.is_on(section) else {} for draft in drafts]
        yield from _fields(parts, [section_type] * len(parts), f"{label}, ")


def _fields(parts: Sequence[Any], classes: Sequence[Any], prefix: str = "") -> Iterator[Difference]:
    names = dict.fromkeys(name for part in parts for name in part if name != "kind")
    for name in names:
        label = next(
            section_type.label(name)
            for section_type, part in zip(classes, parts, strict=True)
            if name in part
        )
        values = tuple(
            _format_value(name, part[name]) if name in part else NOT_APPLICABLE for part in parts
        )
        yield Difference(f"{prefix}{label}", values)


def _layers(drafts: Sequence[Draft]) -> Iterator[Difference]:
    networks = [[dict(layer.fields) for layer in draft.layers] for draft in drafts]
    first = networks[0]
    types = [[layer["type"] for layer in network] for network in networks]
    if all(sequence == types[0] for sequence in types):
        for number, layers in enumerate(zip(*networks, strict=True), 1):
            layer_type = LAYER_TYPES[layers[0]["type"]]
            for name in layers[0]:
                if name != "type":
                    yield Difference(
                        f"layer {number} ({layer_type.title.lower()}), {layer_type.label(name)}",
                        tuple(_format_value(name, layer[name]) for layer in layers),
                    )
        return
    texts = [f"{len(first)} layers"]
    for network in networks[1:]:
        found = [change.text for change in layer_changes(first, network)]
        texts.append("; ".join(found) or texts[0])
    yield Difference("layers", tuple(texts))


def _format_value(name: str, value: object) -> str:
    if name == "dataset":
        return format_dataset(value)
    if name == "train_images" and value is None:
        return "all"
    return format_value(value)


def nearest_variant(draft: Draft) -> PresetVariant | None:
    """Return the variant of its preset that ``draft`` has the fewest changes from.

    ``None`` is the preset itself, which wins a tie.
    """
    variants = (None, *PRESETS[draft.preset].variants)
    return min(variants, key=lambda variant: len(changes(_published(draft.preset, variant), draft)))


def changes_from_preset(
    draft: Draft, *, ignore: Collection[str] = ()
) -> tuple[ExperimentChange, ...]:
    """Return the changes of ``draft`` from its preset, or from the nearest variant of it.

    Single values in ``ignore``, such as ``seed``, are not compared.
    """
    base = _published(draft.preset, nearest_variant(draft))
    same = {name: base.settings[name] for name in ignore}
    return changes(base, replace(draft, settings={**draft.settings, **same}))


def with_variant(draft: Draft, variant: PresetVariant | None) -> Draft:
    """Return ``draft`` with another variant of its preset; ``None`` is the preset itself.

    Only settings that differ between the two variants change.
    """
    old = _published(draft.preset, nearest_variant(draft)).settings
    new = _published(draft.preset, variant).settings
    changed = {name: value for name, value in new.items() if old[name] != value}
    return replace(draft, settings={**draft.settings, **changed})


def _published(preset: str, variant: PresetVariant | None) -> Draft:
    return make_draft((variant or PRESETS[preset]).experiment, preset)
