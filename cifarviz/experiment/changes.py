"""Differences between experiments as texts."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
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
from cifarviz.layers.registry import (
    LAYER_TYPES,
    branch_title,
    layer_label,
    layer_summary,
    split_fields,
)
from cifarviz.value import Value
from cifarviz.value_text import format_value

# If more layers than this changed, they are counted instead of listed.
_MAX_LISTED_LAYERS = 4

NOT_APPLICABLE = "–"
"""The value of a setting that an experiment does not have."""

LAYER_KEYS = "layers."
"""How the keys of differences between layers begin."""


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
    """The label of a setting, and its value in each experiment, in their order.

    ``raw`` are the values as they are stored, ``None`` where there is none. ``key`` is the place of
    the setting: ``epochs``, ``optimizer.learning_rate``, ``layers.`` and the layer's.
    """

    setting: str
    values: tuple[str, ...]
    key: str = field(default="", compare=False)
    raw: tuple[Any, ...] = field(default=(), compare=False)


def changes(base: Draft, other: Draft) -> tuple[ExperimentChange, ...]:
    """Return every setting that ``other`` changes, in the order of the forms."""
    return (
        *_section_changes(base, other),
        *_single_changes(base, other),
        *_switch_changes(base, other),
        *layer_changes(
            [layer.plain() for layer in base.layers], [layer.plain() for layer in other.layers]
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
    elif name in ("labels", "monitor", "padding", "class_balance"):
        before, after = before.lower(), after.lower()
    return ExperimentChange(f"{_SHORT_LABELS.get(name, label)} {before} → {after}", short, name)


def layer_changes(old: Sequence[Fields], new: Sequence[Fields]) -> list[ExperimentChange]:
    """Return added, removed and changed layers.

    Numbers are positions in ``new``, counted from 1; those of removed layers are in ``old``. If
    many layers changed, a single change lists them without their values.
    """
    if (freezing := _freezing(old, new)) is not None:
        return [freezing]
    found: list[ExperimentChange] = []
    names: dict[str, list[str]] = {"added": [], "removed": [], "changed": []}
    for before, after in _align_layers(old, new):
        if before is None:
            assert after is not None
            names["added"].append(_numbered(after + 1, new[after]))
            found.append(_added_layer(after + 1, new[after]))
        elif after is None:
            names["removed"].append(_numbered(before + 1, old[before]))
            found.append(
                ExperimentChange(
                    f"layer {_numbered(before + 1, old[before])} removed",
                    f"without {_label(old[before])}",
                )
            )
        elif old[before] != new[after]:
            names["changed"].append(_numbered(after + 1, new[after]))
            found.append(_changed_layer(after + 1, old[before], new[after]))
    if len(found) <= _MAX_LISTED_LAYERS:
        return found
    parts = {action: layers for action, layers in names.items() if layers}
    text = "; ".join(f"layers {action}: {', '.join(layers)}" for action, layers in parts.items())
    first, _, rest = ", ".join(
        f"{len(layers)} {action}" for action, layers in parts.items()
    ).partition(" ")
    layers = "1 layer" if first == "1" else f"{first} layers"
    return [ExperimentChange(text, f"{layers} {rest}")]


def _freezing(old: Sequence[Fields], new: Sequence[Fields]) -> ExperimentChange | None:
    """Return a single change if several layers were frozen, or unfrozen, and nothing else."""
    pairs = zip(old, new, strict=False)
    changed = [number for number, (before, after) in enumerate(pairs, 1) if before != after]
    if len(old) != len(new) or len(changed) < 2:
        return None
    for frozen, state in ((True, "frozen"), (False, "unfrozen")):
        if all(_with_frozen(old[n - 1], frozen) == dict(new[n - 1]) for n in changed):
            numbered = ", ".join(_numbered(number, new[number - 1]) for number in changed)
            short = f"{len(changed)} layers {state}"
            return ExperimentChange(f"layers {state}: {numbered}", short, "frozen")
    return None


def _with_frozen(value: Any, frozen: bool) -> Any:
    """Return the fields of a layer with it, and the layers inside it, frozen or not."""
    if isinstance(value, Mapping):
        return {
            name: frozen if name == "frozen" else _with_frozen(item, frozen)
            for name, item in value.items()
        }
    return [_with_frozen(item, frozen) for item in value] if isinstance(value, list) else value


def _numbered(number: int, layer: Fields) -> str:
    """Return ``3 (max pooling)``."""
    return f"{number} ({_title(layer)})"


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
    own_old, branches_old = split_fields(old)
    own_new, branches_new = split_fields(new)
    found = list(_field_changes(layer_type, own_old, own_new))
    for place in range(max(len(branches_old), len(branches_new))):
        title = branch_title(new, place).lower()
        found += [
            replace(change, text=f"{title}: {change.text}", short=f"{title}: {change.short}")
            for change in layer_changes(
                branches_old[place] if place < len(branches_old) else (),
                branches_new[place] if place < len(branches_new) else (),
            )
        ]
    texts = ", ".join(change.text for change in found)
    shorts = ", ".join(change.short for change in found)
    return ExperimentChange(
        f"layer {_numbered(number, new)}: {texts}",
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

    ``–`` stands for a setting or a layer that an experiment does not have, such as Adam's momentum.
    Layers are matched, those of networks with the same sequence of types one by one.
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
            yield Difference(Experiment.label(section), titles, section, titles)
        yield from _fields(section, parts, classes)
    for name in SINGLE_FIELDS:
        raw = tuple(draft.settings[name] for draft in drafts)
        values = tuple(_format_value(name, value) for value in raw)
        yield Difference(Experiment.label(name), values, name, raw)
    for section, section_type in OPTIONAL_SECTIONS.items():
        label = Experiment.label(section)
        on = tuple(draft.is_on(section) for draft in drafts)
        yield Difference(label, tuple(map(format_value, on)), section, on)
        parts = [draft.section(section) if draft.is_on(section) else {} for draft in drafts]
        yield from _fields(section, parts, [section_type] * len(parts), f"{label}, ")


def _fields(
    section: str, parts: Sequence[Any], classes: Sequence[Any], prefix: str = ""
) -> Iterator[Difference]:
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
        raw = tuple(part.get(name) for part in parts)
        yield Difference(f"{prefix}{label}", values, f"{section}.{name}", raw)


def _layers(drafts: Sequence[Draft]) -> Iterator[Difference]:
    networks = [[layer.plain() for layer in draft.layers] for draft in drafts]
    counts = tuple(map(len, networks))
    yield Difference("number of layers", tuple(map(str, counts)), f"{LAYER_KEYS}count", counts)
    for name, layers in _matched_layers(networks):
        there = [layer for layer in layers if layer is not None]
        if len(there) < len(layers):
            labels = tuple(NOT_APPLICABLE if layer is None else _label(layer) for layer in layers)
            yield Difference(name, labels, f"{LAYER_KEYS}{name}", labels)
        layer_type = LAYER_TYPES[there[0]["type"]]
        yield from _branches(name, layers)
        for setting in split_fields(there[0])[0]:
            if setting == "type" or all(layer[setting] == there[0][setting] for layer in there):
                continue
            label = f"{name}, {layer_type.label(setting)}"
            values = tuple(
                NOT_APPLICABLE if layer is None else _format_value(setting, layer[setting])
                for layer in layers
            )
            raw = tuple(None if layer is None else layer[setting] for layer in layers)
            yield Difference(label, values, f"{LAYER_KEYS}{label}", raw)


def _branches(name: str, layers: Sequence[Fields | None]) -> Iterator[Difference]:
    """Yield the layers in each branch of a block, as a list of labels."""
    inside = [() if layer is None else split_fields(layer)[1] for layer in layers]
    first = next(layer for layer in layers if layer is not None)
    for place in range(max(map(len, inside))):
        branches = [each[place] if place < len(each) else None for each in inside]
        # Where labels are equal and settings differ, the summaries tell them apart.
        describe = _label if len(set(map(repr, branches))) < 2 else _described
        label = f"{name}, {branch_title(first, place).lower()}"
        values = tuple(
            NOT_APPLICABLE if branch is None else ", ".join(map(describe, branch)) or "empty"
            for branch in branches
        )
        yield Difference(label, values, f"{LAYER_KEYS}{label}", values)


def _described(layer: Fields) -> str:
    return f"{_label(layer)} ({layer_summary(layer)})" if layer_summary(layer) else _label(layer)


def _matched_layers(
    networks: Sequence[Sequence[Fields]],
) -> Iterator[tuple[str, list[Fields | None]]]:
    """Yield each layer with its name: its fields in each network, ``None`` where it is missing.

    Names have the numbers of the first network: ``layer 2 (dropout)``, or ``dropout after layer
    2`` for a layer that it lacks.
    """
    first, count = networks[0], len(networks)
    rows: list[list[Fields | None]] = [[layer, *[None] * (count - 1)] for layer in first]
    # By the number of the first network's layers before them.
    added: list[list[list[Fields | None]]] = [[] for _ in range(len(first) + 1)]
    for place, network in enumerate(networks[1:], 1):
        before, searched = 0, 0
        same = [layer["type"] for layer in first] == [layer["type"] for layer in network]
        pairs = [(at, at) for at in range(len(first))] if same else _align_layers(first, network)
        for old, new in pairs:
            if old is not None:
                rows[old][place] = None if new is None else network[new]
                before, searched = old + 1, 0
                continue
            assert new is not None
            here = added[before]
            while searched < len(here) and _type(here[searched]) != network[new]["type"]:
                searched += 1
            if searched == len(here):
                here.append([None] * count)
            here[searched][place] = network[new]
            searched += 1
    for number in range(len(first) + 1):
        if number:
            yield f"layer {_numbered(number, first[number - 1])}", rows[number - 1]
        where = f"after layer {number}" if number else "before layer 1"
        for row in added[number]:
            layer_type = LAYER_TYPES[_type(row)]
            yield f"{_title_in_sentence(layer_type)} {where}", row


def _type(row: Sequence[Fields | None]) -> str:
    return next(str(layer["type"]) for layer in row if layer is not None)


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
