"""In what several experiments differ, and only that, setting by setting."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from cifarviz.experiment.changes import layer_changes
from cifarviz.experiment.draft import OPTIONAL, SECTIONS, SINGLES, Draft, draft_of, section_class
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.presets import PRESETS
from cifarviz.experiment.words import dataset_words
from cifarviz.layers.registry import LAYER_TYPES
from cifarviz.value_text import value_words

NOT_THERE = "–"


@dataclass(frozen=True)
class Difference:
    """One setting by its words, and its value in each experiment, in their order."""

    setting: str
    values: tuple[str, ...]


def differences(experiments: Sequence[Experiment]) -> list[Difference]:
    """The settings that are not the same in all, in the order of Setup's forms.

    A setting that some kind doesn't have, as Adam has no momentum, is ``–`` there. Networks with
    the same kinds of layers are compared layer by layer, others with the first.
    """
    drafts = [draft_of(one, next(iter(PRESETS))) for one in experiments]
    rows = [*_settings(drafts), *_layers(drafts)]
    return [row for row in rows if len(set(row.values)) > 1]


def _settings(drafts: Sequence[Draft]) -> Iterator[Difference]:
    for section in SECTIONS:
        parts = [draft.section(section) for draft in drafts]
        classes = [section_class(section, part) for part in parts]
        if len(set(classes)) > 1:
            yield Difference(Experiment.words(section), tuple(one.title for one in classes))
        yield from _fields(parts, classes)
    for name in SINGLES:
        values = tuple(_words(name, draft.settings[name]) for draft in drafts)
        yield Difference(Experiment.words(name), values)
    for section, made in OPTIONAL.items():
        on = [draft.is_on(section) for draft in drafts]
        yield Difference(Experiment.words(section), tuple("on" if one else "off" for one in on))
        given = [
            draft.section(section) if here else {} for draft, here in zip(drafts, on, strict=True)
        ]
        yield from _fields(given, [made] * len(given), f"{Experiment.words(section)}, ")


def _fields(parts: Sequence[Any], classes: Sequence[Any], before: str = "") -> Iterator[Difference]:
    names = list(dict.fromkeys(name for part in parts for name in part if name != "kind"))
    for name in names:
        made = next(one for one, part in zip(classes, parts, strict=True) if name in part)
        values = tuple(_words(name, part[name]) if name in part else NOT_THERE for part in parts)
        yield Difference(f"{before}{made.words(name)}", values)


def _layers(drafts: Sequence[Draft]) -> Iterator[Difference]:
    networks = [[dict(layer.fields) for layer in draft.layers] for draft in drafts]
    kinds = [[layer["type"] for layer in network] for network in networks]
    if all(one == kinds[0] for one in kinds):
        for number, layers in enumerate(zip(*networks, strict=True), 1):
            made = LAYER_TYPES[layers[0]["type"]]
            where = f"layer {number} ({made.title.lower()}), "
            for name in layers[0]:
                if name != "type":
                    values = tuple(_words(name, layer[name]) for layer in layers)
                    yield Difference(f"{where}{made.words(name)}", values)
        return
    first = networks[0]
    said = [f"{len(first)} layers"]
    for network in networks[1:]:
        made_of = [change.text for change in layer_changes(first, network)]
        said.append("; ".join(made_of) or said[0])
    yield Difference("layers", tuple(said))


def _words(name: str, value: object) -> str:
    if name == "dataset":
        return dataset_words(value)
    if name == "train_images" and value is None:
        return "all"
    return value_words(value)
