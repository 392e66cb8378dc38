"""The formats in which experiments have been stored, and older ones brought up to date."""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

from cifarviz.errors import ExperimentInvalid, UnknownFormat

FORMAT: Literal[4] = 4
"""What is written now. Format 1 knew no callbacks, 2 no layers without bias, 3 no wrong labels."""

# What the runs of format 1 did. It is written out, so that a default changed later alters none.
_ADDED_IN_2: Mapping[str, Any] = MappingProxyType(
    {
        "monitor": "loss",
        "early_stopping": None,
        "best_only": False,
        "tensorboard": False,
        "test_epochs": [],
    }
)
# The same of format 2, and of its layers.
_ADDED_IN_3: Mapping[str, Any] = MappingProxyType({"mirrored_answers": False})
_LAYERS_WITH_BIAS = ("conv2d", "dense")
# The same of the data of format 3.
_DATA_ADDED_IN_4: Mapping[str, Any] = MappingProxyType(
    {"wrong_labels": 0.0, "wrong_labels_seed": 0}
)


def upgrade_json(text: str) -> str:
    """``text``, as some version wrote it, in the format that is written now.

    Raises ``UnknownFormat``, and ``ExperimentInvalid`` for what is no stored experiment at all.
    """
    fields = _parsed(text)
    written = fields["format"]
    # True equals 1, and 1.0 does.
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
    return json.dumps({**_with_right_labels(fields), "format": FORMAT})


def _with_right_labels(fields: dict[str, Any]) -> dict[str, Any]:
    """Data as they were when all labels were right; what is no data is left as it is."""
    data = fields.get("data")
    if not isinstance(data, dict):
        return fields
    return {**fields, "data": {**_DATA_ADDED_IN_4, **data}}


def _with_biases(fields: dict[str, Any]) -> dict[str, Any]:
    """Layers as they were when all of them had a bias; what is no network is left as it is."""
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


def _parsed(text: str) -> dict[str, Any]:
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
