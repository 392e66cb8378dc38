"""A table of images with predictions, sent with one sprite, that reports clicks."""

import hashlib
import json
from collections.abc import Sequence
from typing import NamedTuple

from cifarviz.figures.sprite import Sprite
from cifarviz.ui.components.loading import clicked_tile, component


class PredictionCell(NamedTuple):
    """A predicted class, whether it is correct, and its tooltip."""

    name: str
    is_correct: bool
    tooltip: str


def prediction_table(
    sprite: Sprite,
    *,
    key: str,
    indices: Sequence[int],
    actual: Sequence[str],
    columns: Sequence[str],
    predictions: Sequence[Sequence[PredictionCell]],
    description: str,
    size: int = 64,
) -> int | None:
    """Show a row per image: thumbnail, index, class, predictions; return a clicked row, once.

    ``columns`` are the headings of the predictions, the last the ensemble's; ``predictions`` has a
    row per image. Correct and wrong predictions differ in mark, weight and colour. ``size`` is the
    thumbnail's width in CSS pixels, rounded to a whole multiple of the image's. Raises
    ``ValueError`` if a list is not as long as the sprite, or a row not as long as ``columns``.
    """
    counts = {len(indices), len(actual), len(predictions), sprite.count}
    if len(counts) > 1 or any(len(row) != len(columns) for row in predictions):
        raise ValueError("expected an index, class and row per image, a prediction per column")
    head = {
        "actual": list(actual),
        "predictions": [[list(cell) for cell in row] for row in predictions],
        "columns": list(columns),
        "description": description,
        "indices": [int(index) for index in indices],
        "size": size,
        "spriteColumns": sprite.columns,
        "tile": [sprite.tile_width, sprite.tile_height],
    }
    header = json.dumps(head).encode()
    # The script redraws only if this hash has changed.
    revision = hashlib.blake2b(header + sprite.png, digest_size=12).hexdigest().encode()
    return clicked_tile(
        component("prediction_table", html='<div class="frame"></div>'),
        key,
        (revision, header, sprite.png),
        sprite.count,
    )
