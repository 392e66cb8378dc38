"""An experiment in the making: all that a person has chosen and typed so far, right or wrong.

``Experiment`` refuses what can't be trained; a draft keeps it, so that nothing typed is lost
while it is put right. ``assess`` says what is wrong with it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from cifarviz.datasets.info import DatasetInfo
from cifarviz.datasets.registry import find
from cifarviz.experiment.choices import (
    VALIDATIONS,
    Augmentation,
    Data,
    EarlyStopping,
    Loss,
)
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.optimizers import OPTIMIZERS
from cifarviz.experiment.preprocessing import PREPROCESSINGS
from cifarviz.experiment.schedules import SCHEDULES
from cifarviz.value import Value

Fields = Mapping[str, Any]
"""Names of fields with what was typed: a number, a text that is none, a choice, yes or no."""

SECTIONS: Mapping[str, Mapping[str, type[Value]]] = MappingProxyType(
    {
        "data": {"": Data},
        "validation": VALIDATIONS,
        "preprocessing": PREPROCESSINGS,
        "augmentation": {"": Augmentation},
        "optimizer": OPTIMIZERS,
        "schedule": SCHEDULES,
        "loss": {"": Loss},
    }
)
"""The parts of an experiment that have fields of their own, each with its classes by ``kind``."""

OPTIONAL_SECTIONS: Mapping[str, type[Value]] = MappingProxyType({"early_stopping": EarlyStopping})
"""The parts that may be missing, ``None`` then: those with a switch."""

SINGLE_FIELDS = (
    "batch_size",
    "epochs",
    "l2",
    "seed",
    "precision",
    "monitor",
    "best_only",
    "tensorboard",
    "test_epochs",
    "mirrored_answers",
)
"""The fields of an experiment that are one value each."""


@dataclass(frozen=True)
class DraftLayer:
    """One layer: an id that no other layer of the session ever has, and its fields."""

    id: str
    fields: Fields

    @property
    def type(self) -> str:
        return str(self.fields["type"])


@dataclass(frozen=True)
class Draft:
    """``settings`` holds sections and single values by the names of ``Experiment``'s fields.

    ``generation`` tells drafts of one session apart that were begun anew, and with it their
    layers' ids; ``set_aside`` keeps what was typed for kinds that are not chosen now.
    """

    preset: str
    settings: Fields
    layers: tuple[DraftLayer, ...]
    generation: int = 0
    layers_made: int = 0
    set_aside: Fields = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """Settings and layers as values that JSON knows."""
        return {**self.settings, "layers": [dict(layer.fields) for layer in self.layers]}

    @property
    def dataset(self) -> DatasetInfo:
        """The chosen data set."""
        return find(self.settings["data"]["dataset"])

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of the chosen data set's images."""
        return self.dataset.image_shape

    @property
    def classes(self) -> int:
        """How many classes the chosen data set has."""
        return len(self.dataset.classes)

    def section(self, name: str) -> Fields:
        """The fields of a section, ``kind`` among them where there is a choice of kinds.

        An optional section has those it would be switched on with.
        """
        fields: Fields | None = self.settings[name]
        return self.with_switch(name, True).section(name) if fields is None else fields

    def is_on(self, section: str) -> bool:
        """Whether an optional section is switched on."""
        return self.settings[section] is not None

    # Changes; each gives a new draft

    def with_value(self, name: str, value: object) -> "Draft":
        """Another single value, or all fields of a section."""
        return replace(self, settings={**self.settings, name: value})

    def with_kind(self, section: str, kind: str) -> "Draft":
        """Another kind, with what was typed for it before, or its defaults."""
        old = self.section(section)
        if old["kind"] == kind:
            return self
        aside = {**self.set_aside, f"{section} {old['kind']}": old}
        new = aside.pop(f"{section} {kind}", None)
        if new is None:
            new = SECTIONS[section][kind]().model_dump(mode="json")
        return replace(self.with_value(section, new), set_aside=aside)

    def with_switch(self, section: str, on: bool) -> "Draft":
        """An optional section on, with what was typed for it before or its defaults; or off."""
        old: Fields | None = self.settings[section]
        if on == (old is not None):
            return self
        aside = dict(self.set_aside)
        if old is not None:
            aside[section] = old
            return replace(self.with_value(section, None), set_aside=aside)
        new = aside.pop(section, None)
        if new is None:
            new = OPTIONAL_SECTIONS[section]().model_dump(mode="json")
        return replace(self.with_value(section, new), set_aside=aside)

    def with_labels(self, labels: str) -> "Draft":
        """Integer or one-hot labels; smoothing, which only one-hot can have, waits meanwhile."""
        loss, aside = dict(self.section("loss")), dict(self.set_aside)
        if labels == "integer":
            aside["label smoothing"] = loss["label_smoothing"]
            loss["label_smoothing"] = 0.0
        else:
            loss["label_smoothing"] = aside.pop("label smoothing", loss["label_smoothing"])
        loss["labels"] = labels
        return replace(self.with_value("loss", loss), set_aside=aside)

    # An id that is not here (any more) changes nothing: a click may come late.

    def with_layer_field(self, layer_id: str, name: str, value: object) -> "Draft":
        """Another value of one field of one layer."""
        changed = tuple(
            DraftLayer(layer.id, {**layer.fields, name: value}) if layer.id == layer_id else layer
            for layer in self.layers
        )
        return replace(self, layers=changed)

    def with_layer_moved(self, layer_id: str, by: int) -> "Draft":
        """One layer so many rows further down (or up); at the ends it stays where it is."""
        layers = list(self.layers)
        for position, layer in enumerate(self.layers):
            if layer.id == layer_id:
                del layers[position]
                layers.insert(min(max(position + by, 0), len(layers)), layer)
        return replace(self, layers=tuple(layers))

    def with_layer_copied(self, layer_id: str) -> "Draft":
        """A copy of one layer right after it; the copy has the newest id."""
        for position, layer in enumerate(self.layers):
            if layer.id == layer_id:
                return self.with_layer_added(position + 1, layer.fields)
        return self

    def without_layer(self, layer_id: str) -> "Draft":
        """One layer less."""
        kept = tuple(layer for layer in self.layers if layer.id != layer_id)
        return replace(self, layers=kept)

    def with_layer_added(self, position: int, fields: Fields) -> "Draft":
        """A new layer so many rows from the top; it has the newest id."""
        made = self.layers_made + 1
        new = DraftLayer(_layer_id(self.generation, made), fields)
        layers = (*self.layers[:position], new, *self.layers[position:])
        return replace(self, layers=layers, layers_made=made)

    @property
    def newest_layer(self) -> str:
        """The id of the layer made last."""
        return _layer_id(self.generation, self.layers_made)


def make_draft(experiment: Experiment, preset: str, generation: int = 0) -> Draft:
    """A draft that says what ``experiment`` says; ``preset`` is what it is compared with."""
    plain = experiment.model_dump(mode="json", exclude={"format", "preset", "architecture"})
    layers = experiment.architecture.model_dump(mode="json")["layers"]
    return draft_from_fields(preset, plain, layers, generation)


def draft_from_fields(
    preset: str, settings: Fields, layers: list[dict[str, Any]], generation: int
) -> Draft:
    """A draft from plain values, its layers with ids of their own."""
    made = tuple(
        DraftLayer(_layer_id(generation, number), fields)
        for number, fields in enumerate(layers, start=1)
    )
    return Draft(preset, settings, made, generation, len(made))


def section_class(section: str, fields: Fields) -> type[Value]:
    """The class of a section's values, by their kind."""
    if section in OPTIONAL_SECTIONS:
        return OPTIONAL_SECTIONS[section]
    return SECTIONS[section][fields.get("kind", "")]


def _layer_id(generation: int, number: int) -> str:
    return f"{generation}-{number}"
