"""Pictures at their positions on a plane, to be moved, zoomed, circled and clicked."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cifarviz.figures.thumbnails import Thumbnails
from cifarviz.ui.components.loading import component, ignore


class MapGroup(NamedTuple):
    """Pictures of one colour, which the legend shows and hides.

    ``is_round``: pictures and frames are round, which tells two similar colours apart.
    """

    name: str
    color: str
    is_round: bool = False


@dataclass(frozen=True, eq=False)
class MappedImages:
    """What the map tells of n pictures.

    ``indices`` int64 (n,), their official numbers; ``labels`` and ``predicted`` (n,), indices into
    ``names``, those of the classes; ``confidence`` (n,), the probability of the predicted class, 0
    to 1; ``noun`` what a picture is called: ``Test image``.
    """

    indices: NDArray[np.int64]
    labels: NDArray[np.integer]
    predicted: NDArray[np.integer]
    confidence: NDArray[np.floating]
    names: Sequence[str]
    noun: str


class MapSelection(NamedTuple):
    """Positions of the pictures inside the lasso, int64 (k,), and the official number clicked."""

    chosen: NDArray[np.int64]
    clicked: int | None


def image_map(
    positions: NDArray[np.floating],
    pictures: Thumbnails,
    images: MappedImages,
    groups: Sequence[MapGroup],
    group_of: NDArray[np.integer],
    *,
    key: str,
    legend: str,
    description: str,
) -> MapSelection:
    """Show ``pictures`` at ``positions`` (n, 2), each with the colour of its group.

    ``group_of`` (n,) are indices into ``groups``; ``legend`` names what these are. Pictures move to
    new positions in 0.3 s. ``description`` is for screen readers.
    Raises ``ValueError`` if there are not as many pictures as positions.
    """
    if not len(positions) == pictures.count == len(images.indices) == len(group_of):
        raise ValueError(f"{len(positions)} positions for {pictures.count} pictures")
    places = np.ascontiguousarray(positions, "<f4").tobytes()
    head = {
        "count": pictures.count,
        "columns": pictures.columns,
        "tile": [pictures.width, pictures.height],
        "cell": [pictures.cell_width, pictures.cell_height],
        "sheet": _digest(pictures.jpeg),
        "positions": _digest(places),
        "groups": [list(group) for group in groups],
        "group": group_of.tolist(),
        "indices": images.indices.tolist(),
        "labels": images.labels.tolist(),
        "predicted": images.predicted.tolist(),
        "confidence": np.rint(100 * images.confidence).astype(int).tolist(),
        "classes": list(images.names),
        "noun": images.noun,
        "legend": legend,
        "description": description,
    }
    line = json.dumps(head, separators=(",", ":")).encode()
    result = component("image_map", shared=("buttons",))(
        key=key,
        data=b"".join((line, b"\n", places, pictures.jpeg)),
        on_chosen_change=ignore,
        on_click_change=ignore,
    )
    clicked = result.get("click")
    known = isinstance(clicked, int) and clicked in images.indices
    return MapSelection(
        _parse_chosen(result.get("chosen"), pictures.count), clicked if known else None
    )


def _parse_chosen(sent: Any, count: int) -> NDArray[np.int64]:
    """Return the positions that the browser sent, ascending, without those there are not."""
    numbers = sent if isinstance(sent, list) else []
    known = {number for number in numbers if isinstance(number, int) and 0 <= number < count}
    return np.array(sorted(known), np.int64)


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=12).hexdigest()
