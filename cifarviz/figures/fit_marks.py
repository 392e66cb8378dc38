"""What a history shows of overfitting: the gap between both curves, and where validation turns."""

from typing import Any, Final

import numpy as np

from cifarviz.figures.theme import NEUTRAL, VALIDATION

_GAP_FILL = "rgba(230, 159, 0, {:.3g})"
# So thin that curves and grid are seen through it; gaps of several runs lie over each other.
_GAP_OPACITY, _SEVERAL_OPACITY = 0.16, 0.2
TURN_SYMBOL: Final = "circle-open"


def gap_trace(
    epochs: np.ndarray, training: np.ndarray, validation: np.ndarray, *, gaps: int = 1
) -> dict[str, Any] | None:
    """The area between both curves, arrays of one length; ``None`` with fewer than two epochs.

    It is one of so many ``gaps`` in the figure.
    """
    known = np.isfinite(training) & np.isfinite(validation)
    if known.sum() < 2:
        return None
    there, back = epochs[known].tolist(), epochs[known][::-1].tolist()
    return {
        "type": "scatter",
        "x": there + back,
        "y": training[known].tolist() + validation[known][::-1].tolist(),
        "mode": "none",
        "fill": "toself",
        "fillcolor": _GAP_FILL.format(_GAP_OPACITY if gaps == 1 else _SEVERAL_OPACITY / gaps),
        "hoverinfo": "skip",
        "name": "Gap",
        "legendrank": 6,
        # Behind all curves, wherever it stands among them.
        "zorder": -1,
    }


def turn_marker() -> dict[str, Any]:
    """How the point is drawn at which validation turns: a ring, which leaves a star within it."""
    return {
        "symbol": TURN_SYMBOL,
        "size": 20,
        "color": VALIDATION,
        "line": {"width": 2.5, "color": NEUTRAL},
    }
