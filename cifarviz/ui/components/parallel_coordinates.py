"""Trials as lines across an axis for each setting, to be brushed and clicked."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from cifarviz.analysis.trials import Trial
from cifarviz.figures.trials.parallel import ParallelCoordinates, line_values
from cifarviz.ui.components.loading import component, ignore


class ParallelSelection(NamedTuple):
    """The trials inside the brushes, ``None`` without a brush, and the one just clicked."""

    brushed: tuple[Trial, ...] | None
    clicked: Trial | None


def parallel_coordinates_chart(
    coordinates: ParallelCoordinates, *, key: str, best: Trial | None, description: str
) -> ParallelSelection:
    """Show ``coordinates``; dragging along an axis chooses a range of it.

    Lines outside the ranges are faded. The ``best`` trial's line is marked. ``description`` is for
    screen readers.
    """
    values = {
        "axes": [
            {
                "key": axis.key,
                "label": axis.label,
                "ticks": [[round(at, 4), text] for at, text in axis.ticks],
                "isCategory": axis.is_category,
            }
            for axis in coordinates.axes
        ],
        "lines": [line_values(line) for line in coordinates.lines],
        "best": None if best is None else best.number,
        "description": description,
    }
    body = json.dumps(values).encode()
    # The script reads no further if this hash is that of what it shows.
    revision = hashlib.blake2b(body, digest_size=12).hexdigest().encode()
    result = component("parallel_coordinates", shared=("buttons",))(
        key=key,
        data=b"\n".join((revision, body)),
        on_brush_change=ignore,
        on_click_change=ignore,
    )
    clicked = result.get("click")
    brush = _parse_brush(result.get("brush"))
    return ParallelSelection(
        coordinates.inside(brush) if brush else None,
        next((line.trial for line in coordinates.lines if line.trial.number == clicked), None),
    )


def _parse_brush(sent: Any) -> Mapping[str, tuple[float, float]]:
    """Return the ranges that the browser sent, by the keys of axes."""
    if not isinstance(sent, Mapping):
        return {}
    return {
        str(key): (float(ends[0]), float(ends[1]))
        for key, ends in sent.items()
        if isinstance(ends, list)
        and len(ends) == 2
        and all(isinstance(end, (int, float)) for end in ends)
    }
