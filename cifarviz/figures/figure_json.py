"""Figures as JSON for the browser."""

import base64
import json
import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import plotly.graph_objects as go

# Plotly's names of the array types that it decodes; 64-bit integers are not among them.
_TYPED: Final = {
    "float32": "f4",
    "float64": "f8",
    "int8": "i1",
    "uint8": "u1",
    "int16": "i2",
    "uint16": "u2",
    "int32": "i4",
    "uint32": "u4",
}
_SHORT = 16


def encode(figure: go.Figure | Mapping[str, Any]) -> bytes:
    """JSON of ``figure``'s data and layout: long arrays in base64, NaN and infinity as null.

    Inside base64 a NaN stays one; Plotly draws both as a gap. A figure given as a dict may hold
    NumPy arrays anywhere. Raises ``TypeError`` for what is neither number, text nor list.
    """
    return json.dumps(figure_values(figure), separators=(",", ":"), allow_nan=False).encode()


def figure_values(figure: go.Figure | Mapping[str, Any]) -> dict[str, Any]:
    """The same as values that ``json`` can serialise; raises as ``encode`` does."""
    spec = figure.to_plotly_json() if isinstance(figure, go.Figure) else figure
    return {
        "data": plain_values(spec.get("data", [])),
        "layout": plain_values(spec.get("layout", {})),
    }


def plain_values(value: Any) -> Any:
    """Return ``value`` with its arrays and numbers as ``encode`` writes them."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: plain_values(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain_values(item) for item in value]
    if isinstance(value, np.generic):
        return plain_values(value.item())
    if isinstance(value, np.ndarray):
        return _array(value)
    raise TypeError(f"A figure cannot hold a {type(value).__name__}.")


def _array(array: np.ndarray) -> Any:
    if array.dtype in (np.int64, np.uint64) and array.size and _fits_int32(array):
        array = array.astype(np.int32)
    name = _TYPED.get(array.dtype.name)
    if name is None or array.size <= _SHORT:
        return plain_values(array.tolist())
    spec = {"dtype": name, "bdata": base64.b64encode(array.tobytes()).decode("ascii")}
    if array.ndim > 1:
        spec["shape"] = ",".join(str(n) for n in array.shape)
    return spec


def _fits_int32(array: np.ndarray) -> bool:
    limits = np.iinfo(np.int32)
    return bool(array.min() >= limits.min and array.max() <= limits.max)
