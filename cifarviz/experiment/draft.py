"""An experiment that is being edited, with valid and invalid values.

``Experiment`` refuses invalid values; a draft keeps them, so that nothing typed is lost before it
is corrected. ``assess`` finds its problems.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from cifarviz.datasets.info import DatasetInfo
from cifarviz.datasets.registry import find_dataset
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
"""Values by field name: a number, a text that is not a number, a choice, or a bool."""

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
"""The parts of an experiment with several fields, each with its classes by ``kind``."""

OPTIONAL_SECTIONS: Mapping[str, type[Value]] = MappingProxyType({"early_stopping": EarlyStopping})
"""The sections with a switch; ``None`` if switched off."""

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
"""The fields of an experiment that are single values."""


@dataclass(frozen=True)
class DraftLayer:
    """A layer's fields, and an id that is unique in the session."""

    id: str
    fields: Fields

    @property
    def type(self) -> str:
        return str(self.fields["type"])


@dataclass(frozen=True)
class Draft:
    """All values of an edited experiment.

    ``settings`` holds sections and single values by the names of ``Experiment``'s fields.
    ``generation`` counts the drafts of a session and is part of the layers' ids; ``set_aside``
    keeps the values of kinds that are not chosen now.
    """

    preset: str
    settings: Fields
    layers: tuple[DraftLayer, ...]
    generation: int = 0
    layers_made: int = 0
    set_aside: Fields = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """Return settings and layers as JSON-compatible values."""
        return {**self.settings, "layers": [dict(layer.fields) for layer in self.layers]}

    @property
    def dataset(self) -> DatasetInfo:
        """The chosen data set."""
        return find_dataset(self.settings["data"]["dataset"])

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of the chosen data set's images."""
        return self.dataset.image_shape

    @property
    def classes(self) -> int:
        """How many classes the chosen data set has."""
        return len(self.dataset.classes)

    def section(self, name: str) -> Fields:
        """Return the fields of a section, including its ``kind`` if it has several.

        For an optional section that is off: the fields it would have if switched on.
        """
        fields: Fields | None = self.settings[name]
        return self.with_switch(name, True).section(name) if fields is None else fields

    def is_on(self, section: str) -> bool:
        """Whether an optional section is switched on."""
        return self.settings[section] is not None

    # Changes; each returns a new draft

    def with_value(self, name: str, value: object) -> "Draft":
        """Replace a single value, or all fields of a section."""
        return replace(self, settings={**self.settings, name: value})

    def with_kind(self, section: str, kind: str) -> "Draft":
        """Choose another kind, with the values it had before, or its defaults."""
        old = self.section(section)
        if old["kind"] == kind:
            return self
        aside = {**self.set_aside, f"{section} {old['kind']}": old}
        new = aside.pop(f"{section} {kind}", None)
        if new is None:
            new = SECTIONS[section][kind]().model_dump(mode="json")
        return replace(self.with_value(section, new), set_aside=aside)

    def with_switch(self, section: str, on: bool) -> "Draft":
        """Switch an optional section on, with its previous values or defaults, or off."""
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
        """Choose integer or one-hot labels; label smoothing is set aside for integer labels."""
        loss, aside = dict(self.section("loss")), dict(self.set_aside)
        if labels == "integer":
            aside["label smoothing"] = loss["label_smoothing"]
            loss["label_smoothing"] = 0.0
        else:
            loss["label_smoothing"] = aside.pop("label smoothing", loss["label_smoothing"])
        loss["labels"] = labels
        return replace(self.with_value("loss", loss), set_aside=aside)

    # An unknown id changes nothing: a click may arrive after its layer was removed.

    def with_layer_field(self, layer_id: str, name: str, value: object) -> "Draft":
        """Replace the value of a field of a layer."""
        changed = tuple(
            DraftLayer(layer.id, {**layer.fields, name: value}) if layer.id == layer_id else layer
            for layer in self.layers
        )
        return replace(self, layers=changed)

    def with_layer_moved(self, layer_id: str, by: int) -> "Draft":
        """Move a layer down by ``by`` rows, or up if negative, as far as possible."""
        layers = list(self.layers)
        for position, layer in enumerate(self.layers):
            if layer.id == layer_id:
                del layers[position]
                layers.insert(min(max(position + by, 0), len(layers)), layer)
        return replace(self, layers=tuple(layers))

    def with_layer_copied(self, layer_id: str) -> "Draft":
        """Insert a copy of a layer right after it; the copy has the newest id."""
        for position, layer in enumerate(self.layers):
            if layer.id == layer_id:
                return self.with_layer_added(position + 1, layer.fields)
        return self

    def without_layer(self, layer_id: str) -> "Draft":
        """Remove a layer."""
        return replace(self, layers=tuple(layer for layer in self.layers if layer.id != layer_id))

    def with_layer_added(self, position: int, fields: Fields) -> "Draft":
        """Insert a new layer at ``position``; it has the newest id."""
        number = self.layers_made + 1
        layer = DraftLayer(_layer_id(self.generation, number), fields)
        layers = (*self.layers[:position], layer, *self.layers[position:])
        return replace(self, layers=layers, layers_made=number)

    @property
    def newest_layer(self) -> str:
        """The id of the layer added last."""
        return _layer_id(self.generation, self.layers_made)


def make_draft(experiment: Experiment, preset: str, generation: int = 0) -> Draft:
    """Return a draft with the values of ``experiment``; ``preset`` is its reference."""
    plain = experiment.model_dump(mode="json", exclude={"format", "preset", "architecture"})
    layers = experiment.architecture.model_dump(mode="json")["layers"]
    return draft_from_fields(preset, plain, layers, generation)


def draft_from_fields(
    preset: str, settings: Fields, layers: list[dict[str, Any]], generation: int
) -> Draft:
    """Return a draft of these values; its layers get new ids."""
    draft_layers = tuple(
        DraftLayer(_layer_id(generation, number), fields)
        for number, fields in enumerate(layers, start=1)
    )
    return Draft(preset, settings, draft_layers, generation, len(draft_layers))


def section_class(section: str, fields: Fields) -> type[Value]:
    """Return the class of a section's values, by their kind."""
    if section in OPTIONAL_SECTIONS:
        return OPTIONAL_SECTIONS[section]
    return SECTIONS[section][fields.get("kind", "")]


def _layer_id(generation: int, number: int) -> str:
    return f"{generation}-{number}"
