"""Adapting an experiment to another data set."""

from collections.abc import Iterator
from typing import Any

from cifarviz.datasets.info import DatasetInfo, Variant
from cifarviz.datasets.registry import find_dataset
from cifarviz.experiment.draft import Draft, DraftLayer, make_draft
from cifarviz.experiment.draft_layers import trace_layers
from cifarviz.experiment.experiment import Experiment
from cifarviz.layers.registry import output_fields, smaller_fields


def fit_draft(draft: Draft, dataset: str | DatasetInfo) -> Draft:
    """Return ``draft`` for another data set, with its input shape and output units.

    The full set replaces the embedded sample if the data set has none. A layer that is too large
    for the images, such as a pooling layer, is made smaller or removed. Colours of grey images do
    not change.
    """
    info = find_dataset(dataset)
    data = dict(draft.section("data"))
    data["dataset"] = info.name
    if data["variant"] not in info.variants:
        data["variant"] = info.variants[0]
    fitted = _with_output(draft.with_value("data", data), len(info.classes))
    return _with_layers_that_fit(_with_augmentation_that_fits(fitted))


def fit_experiment(
    experiment: Experiment, dataset: str | DatasetInfo, variant: Variant | None = None
) -> Experiment:
    """Return ``experiment`` for another data set, as ``fit_draft`` does.

    Raises ``ExperimentInvalid`` if no change of a layer makes the network fit.
    """
    info = find_dataset(dataset)
    if info.name == experiment.data.dataset and variant in (None, experiment.data.variant):
        return experiment
    draft = fit_draft(make_draft(experiment, experiment.preset or ""), info)
    fields: dict[str, Any] = dict(draft.settings)
    if variant is not None:
        fields["data"] = {**fields["data"], "variant": variant}
    layers = [layer.plain() for layer in draft.layers]
    return Experiment.make(
        **{
            **dict(experiment),
            "data": fields["data"],
            "augmentation": fields["augmentation"],
            "architecture": {
                "input_shape": info.image_shape,
                "classes": len(info.classes),
                "layers": layers,
            },
        }
    )


def _with_output(draft: Draft, classes: int) -> Draft:
    if not draft.layers:
        return draft
    last = draft.layers[-1]
    for name, value in output_fields(last.fields, classes).items():
        # Only the number of units follows from the classes; the activation is the author's.
        if name != "activation":
            draft = draft.with_layer_field(last.id, name, value)
    return draft


def _with_augmentation_that_fits(draft: Draft) -> Draft:
    """Leave out what grey images do not have; all else is the author's."""
    augmentation = draft.section("augmentation")
    if draft.image_shape[2] > 1 or not (augmentation["saturation"] or augmentation["hue"]):
        return draft
    return draft.with_value("augmentation", {**augmentation, "saturation": 0.0, "hue": 0.0})


def _with_layers_that_fit(draft: Draft) -> Draft:
    """Change the layers that do not fit, from first to last, as little as possible."""
    fitted = draft
    for layer in draft.layers:
        if not _fits(fitted, layer.id):
            smaller = _with_smaller_layer(fitted, layer)
            fitted = next((draft for draft in smaller if _fits(draft, layer.id)), fitted)
    return fitted


def _with_smaller_layer(draft: Draft, layer: DraftLayer) -> Iterator[Draft]:
    """Yield drafts with a smaller layer, and without the layer."""
    for name, value in smaller_fields(layer.fields, draft.image_shape[2]).items():
        yield draft.with_layer_field(layer.id, name, value)
    if layer.id != draft.layers[-1].id:
        yield draft.without_layer(layer.id)


def _fits(draft: Draft, layer_id: str) -> bool:
    """Whether this layer has no problem, or was removed."""
    rows = zip(draft.layers, trace_layers(draft).rows, strict=True)
    return all(
        inner.problem is None
        for layer, row in rows
        if layer.id == layer_id
        for inner in row.all_rows
    )
