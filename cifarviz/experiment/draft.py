"""An experiment that is being edited, with valid and invalid values.

``Experiment`` refuses invalid values; a draft keeps them, so that nothing typed is lost before it
is corrected. ``assess`` finds its problems.
"""

from collections.abc import Callable, Iterator, Mapping
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
from cifarviz.experiment.transfer import Transfer
from cifarviz.layers.registry import LAYER_TYPES
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

OPTIONAL_SECTIONS: Mapping[str, type[Value]] = MappingProxyType(
    {"early_stopping": EarlyStopping, "transfer": Transfer}
)
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
    "prediction_shift",
)
"""The fields of an experiment that are single values."""


@dataclass(frozen=True)
class DraftLayer:
    """A layer's fields, and an id that is unique in the session.

    The layers inside a block are in ``branches`` and not among its ``fields``.
    """

    id: str
    fields: Fields
    branches: "tuple[tuple[DraftLayer, ...], ...]" = ()

    @property
    def type(self) -> str:
        return str(self.fields["type"])

    def plain(self) -> dict[str, Any]:
        """Return all fields, including those of the layers inside it."""
        layer_type = LAYER_TYPES[self.type]
        inside = [[layer.plain() for layer in branch] for branch in self.branches]
        return dict(layer_type.join_fields(self.fields, inside))

    def all_layers(self) -> "Iterator[DraftLayer]":
        """Yield the layer itself, then all layers inside it."""
        yield self
        for branch in self.branches:
            for layer in branch:
                yield from layer.all_layers()


_Edit = Callable[[tuple[DraftLayer, ...], int], tuple[DraftLayer, ...]]
"""Changes a sequence of layers at a position."""


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
        return {**self.settings, "layers": [layer.plain() for layer in self.layers]}

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

    def find_layer(self, layer_id: str) -> DraftLayer | None:
        """Return the layer of that id, also from inside a block."""
        every = (inner for layer in self.layers for inner in layer.all_layers())
        return next((layer for layer in every if layer.id == layer_id), None)

    def block_of(self, layer_id: str) -> str | None:
        """Return the id of the block that a layer is directly inside, if any."""
        every = (inner for layer in self.layers for inner in layer.all_layers())
        return next(
            (
                block.id
                for block in every
                for branch in block.branches
                if any(layer.id == layer_id for layer in branch)
            ),
            None,
        )

    def with_layer_field(self, layer_id: str, name: str, value: object) -> "Draft":
        """Replace the value of a field of a layer."""

        def edit(layers: tuple[DraftLayer, ...], at: int) -> tuple[DraftLayer, ...]:
            changed = replace(layers[at], fields={**layers[at].fields, name: value})
            return (*layers[:at], changed, *layers[at + 1 :])

        return self._edited(layer_id, edit)

    def with_layer_moved(self, layer_id: str, by: int) -> "Draft":
        """Move a layer down by ``by`` rows, or up if negative, as far as possible."""

        def edit(layers: tuple[DraftLayer, ...], at: int) -> tuple[DraftLayer, ...]:
            others = [*layers[:at], *layers[at + 1 :]]
            others.insert(min(max(at + by, 0), len(others)), layers[at])
            return tuple(others)

        return self._edited(layer_id, edit)

    def with_layer_copied(self, layer_id: str) -> "Draft":
        """Insert a copy of a layer right after it; the copy has the newest id."""
        copied = self.find_layer(layer_id)
        if copied is None:
            return self
        new, made = _make_layer(copied.plain(), self.generation, self.layers_made)

        def edit(layers: tuple[DraftLayer, ...], at: int) -> tuple[DraftLayer, ...]:
            return (*layers[: at + 1], new, *layers[at + 1 :])

        return replace(self._edited(layer_id, edit), layers_made=made)

    def without_layer(self, layer_id: str) -> "Draft":
        """Remove a layer."""
        return self._edited(layer_id, lambda layers, at: (*layers[:at], *layers[at + 1 :]))

    def with_layer_added(self, position: int, fields: Fields) -> "Draft":
        """Insert a new layer at ``position``; it has the newest id."""
        new, made = _make_layer(fields, self.generation, self.layers_made)
        layers = (*self.layers[:position], new, *self.layers[position:])
        return replace(self, layers=layers, layers_made=made)

    def with_layer_inside(self, block_id: str, branch: int, fields: Fields) -> "Draft":
        """Add a new layer at the end of a branch of a block; it has the newest id."""
        new, made = _make_layer(fields, self.generation, self.layers_made)

        def edit(branches: tuple[tuple[DraftLayer, ...], ...]) -> Any:
            return tuple(
                (*layers, new) if number == branch else layers
                for number, layers in enumerate(branches)
            )

        return replace(self._with_branches(block_id, edit), layers_made=made)

    def with_branch_added(self, block_id: str) -> "Draft":
        """Add an empty branch to a block."""
        return self._with_branches(block_id, lambda branches: (*branches, ()))

    def without_branch(self, block_id: str, branch: int) -> "Draft":
        """Remove a branch of a block, with its layers."""
        return self._with_branches(
            block_id, lambda branches: (*branches[:branch], *branches[branch + 1 :])
        )

    def _with_branches(self, block_id: str, change: Callable[[Any], Any]) -> "Draft":
        def edit(layers: tuple[DraftLayer, ...], at: int) -> tuple[DraftLayer, ...]:
            changed = replace(layers[at], branches=change(layers[at].branches))
            return (*layers[:at], changed, *layers[at + 1 :])

        return self._edited(block_id, edit)

    def _edited(self, layer_id: str, edit: _Edit) -> "Draft":
        return replace(self, layers=_edit_layers(self.layers, layer_id, edit))

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
    made, draft_layers = 0, []
    for fields in layers:
        layer, made = _make_layer(fields, generation, made)
        draft_layers.append(layer)
    return Draft(preset, settings, tuple(draft_layers), generation, made)


def _make_layer(fields: Fields, generation: int, made: int) -> tuple[DraftLayer, int]:
    """Return a layer with new ids, after so many that were ``made``, and how many are made now.

    The layers inside a block are counted before it, so that the newest id is its own.
    """
    layer_type = LAYER_TYPES[fields["type"]]
    branches: list[tuple[DraftLayer, ...]] = []
    fields, inside = layer_type.split_fields(fields)
    for branch in inside:
        layers = []
        for inner in branch:
            layer, made = _make_layer(inner, generation, made)
            layers.append(layer)
        branches.append(tuple(layers))
    return DraftLayer(_layer_id(generation, made + 1), dict(fields), tuple(branches)), made + 1


def _edit_layers(
    layers: tuple[DraftLayer, ...], layer_id: str, edit: _Edit
) -> tuple[DraftLayer, ...]:
    """Apply ``edit`` to the sequence that has the layer of that id, however deep."""
    for position, layer in enumerate(layers):
        if layer.id == layer_id:
            return edit(layers, position)
    return tuple(
        replace(
            layer,
            branches=tuple(_edit_layers(branch, layer_id, edit) for branch in layer.branches),
        )
        if layer.branches
        else layer
        for layer in layers
    )


def section_class(section: str, fields: Fields) -> type[Value]:
    """Return the class of a section's values, by their kind."""
    if section in OPTIONAL_SECTIONS:
        return OPTIONAL_SECTIONS[section]
    return SECTIONS[section][fields.get("kind", "")]


def _layer_id(generation: int, number: int) -> str:
    return f"{generation}-{number}"
