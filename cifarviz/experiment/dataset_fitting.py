"""An experiment made for one data set, changed so that it can be trained on another."""

from collections.abc import Iterator
from typing import Any

from cifarviz.datasets.info import DatasetInfo, Variant
from cifarviz.datasets.registry import find
from cifarviz.experiment.draft import Draft, DraftLayer, make_draft
from cifarviz.experiment.draft_layers import trace_layers
from cifarviz.experiment.experiment import Experiment
from cifarviz.layers.registry import output_fields, smaller_fields


def fit_draft(draft: Draft, dataset: str | DatasetInfo) -> Draft:
    """Return ``draft`` for another data set: input shape and output units follow from it.

    The embedded sample gives way to the full set where there is none. A layer that has become too
    large for the images, such as a pooling layer, is made smaller or left out.
    """
    info = find(dataset)
    data = dict(draft.section("data"))
    data["dataset"] = info.name
    if data["variant"] not in info.variants:
        data["variant"] = info.variants[0]
    fitted = _with_output(draft.with_value("data", data), len(info.classes))
    return _with_layers_that_fit(fitted)


def fit_experiment(
    experiment: Experiment, dataset: str | DatasetInfo, variant: Variant | None = None
) -> Experiment:
    """Return ``experiment`` for another data set, as ``fit_draft`` does.

    Raises ``ExperimentInvalid`` where no change of a layer makes its network fit.
    """
    info = find(dataset)
    if info.name == experiment.data.dataset and variant in (None, experiment.data.variant):
        return experiment
    draft = fit_draft(make_draft(experiment, experiment.preset or ""), info)
    fields: dict[str, Any] = dict(draft.settings)
    if variant is not None:
        fields["data"] = {**fields["data"], "variant": variant}
    layers = [dict(layer.fields) for layer in draft.layers]
    return Experiment.make(
        **{
            **dict(experiment),
            "data": fields["data"],
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
        # What it gives is the author's choice; how many of it follows from the classes.
        if name != "activation":
            draft = draft.with_layer_field(last.id, name, value)
    return draft


def _with_layers_that_fit(draft: Draft) -> Draft:
    """Change the layers that do not fit, one after another, as little as possible."""
    fitted = draft
    for layer in draft.layers:
        if not _fits(fitted, layer.id):
            mended = (one for one in _remedies(fitted, layer) if _fits(one, layer.id))
            fitted = next(mended, fitted)
    return fitted


def _remedies(draft: Draft, layer: DraftLayer) -> Iterator[Draft]:
    for name, value in smaller_fields(layer.fields, draft.image_shape[2]).items():
        yield draft.with_layer_field(layer.id, name, value)
    if layer.id != draft.layers[-1].id:
        yield draft.without_layer(layer.id)


def _fits(draft: Draft, layer_id: str) -> bool:
    """Whether this layer has no problem, or is gone."""
    rows = zip(draft.layers, trace_layers(draft).rows, strict=True)
    return all(row.problem is None for layer, row in rows if layer.id == layer_id)
