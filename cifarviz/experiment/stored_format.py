"""The formats of stored experiments, and upgrading older ones."""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

from cifarviz.errors import ExperimentInvalid, UnknownFormat

FORMAT: Literal[4] = 4
"""The current format. Format 2 added callbacks, 3 layers without bias, 4 wrong labels."""

# The settings of runs of format 1, written out so that later changes of defaults do not matter.
_ADDED_IN_2: Mapping[str, Any] = MappingProxyType(
    {
        "monitor": "loss",
        "early_stopping": None,
        "best_only": False,
        "tensorboard": False,
        "test_epochs": [],
    }
)
# The same for runs up to format 2, and their layers.
_ADDED_IN_3: Mapping[str, Any] = MappingProxyType({"mirrored_answers": False})
_LAYERS_WITH_BIAS = ("conv2d", "dense")
# The same for the data of runs up to format 3.
_DATA_ADDED_IN_4: Mapping[str, Any] = MappingProxyType(
    {"wrong_labels": 0.0, "wrong_labels_seed": 0}
)


def upgrade_json(text: str) -> str:
    """Return a stored experiment in the current format.

    Raises ``UnknownFormat`` for a newer format, and ``ExperimentInvalid`` for anything that is
    not a stored experiment.
    """
    fields = _parse(text)
    written = fields["format"]
    # True and 1.0 equal 1, and are not valid here.
    if type(written) is not int or not 1 <= written <= FORMAT:
        raise UnknownFormat(
            "This experiment has format {written} and this version of cifarviz reads "
            "formats 1 to {newest}. Open it with the version that wrote it.",
            written=_short(written),
            newest=FORMAT,
        )
    if written == FORMAT:
        return text
    if written == 1:
        fields = {**_ADDED_IN_2, **fields}
    if written <= 2:
        fields = _with_biases({**_ADDED_IN_3, **fields})
    return json.dumps({**_without_wrong_labels(fields), "format": FORMAT})


def _without_wrong_labels(fields: dict[str, Any]) -> dict[str, Any]:
    """Add the fields for wrong labels to the data; malformed data is left unchanged."""
    data = fields.get("data")
    if not isinstance(data, dict):
        return fields
    return {**fields, "data": {**_DATA_ADDED_IN_4, **data}}


def _with_biases(fields: dict[str, Any]) -> dict[str, Any]:
    """Add the bias field to the layers; a malformed network is left unchanged."""
    architecture = fields.get("architecture")
    if not isinstance(architecture, dict) or not isinstance(architecture.get("layers"), list):
        return fields
    with_biases = [
        {"use_bias": True, **layer}
        if isinstance(layer, dict) and layer.get("type") in _LAYERS_WITH_BIAS
        else layer
        for layer in architecture["layers"]
    ]
    return {**fields, "architecture": {**architecture, "layers": with_biases}}


def _parse(text: str) -> dict[str, Any]:
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ExperimentInvalid("This is not an experiment: it is not valid JSON.") from error
    if not isinstance(fields, dict) or "format" not in fields:
        raise ExperimentInvalid("This is not an experiment: it has no format number.")
    return fields


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 20 else f"{text[:20]}…"
