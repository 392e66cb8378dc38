"""How Plotly behaves wherever the dashboard or a report draws a figure with it."""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

PLOTLY_CONFIG: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "displaylogo": False,
        "responsive": False,
        "scrollZoom": False,
        # Plotly 7 offers to upload a chart with its data to its maker's cloud: nothing shown here
        # may leave the machine, so there is neither the button nor an address.
        "showSendToCloud": False,
        "plotlyServerURL": "",
        # Saving as PNG or SVG has buttons of its own (chart.js, report.js).
        "modeBarButtonsToRemove": ("toImage", "select2d", "lasso2d", "zoomIn2d", "zoomOut2d"),
    }
)
"""Plotly's own options, for every chart."""


def config_script() -> str:
    """Return a line of JavaScript that declares the options as ``PLOTLY_CONFIG``."""
    return f"const PLOTLY_CONFIG = {json.dumps(dict(PLOTLY_CONFIG))};\n"
