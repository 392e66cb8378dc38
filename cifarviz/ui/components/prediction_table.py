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
    answers: Sequence[Sequence[PredictionCell]],
    description: str,
    size: int = 64,
) -> int | None:
    """Show a row an image: thumbnail, official index, class, answers; returns a row clicked, once.

    ``columns`` are the answers' headings, the last one the ensemble's; ``answers`` one row an
    image. Right and wrong ones differ in mark, weight and colour. ``size``: a thumbnail's width,
    CSS pixels, rounded to a whole multiple of the image's. Raises ``ValueError`` when a list isn't
    as long as the sprite, or a row not as long as ``columns``.
    """
    counts = {len(indices), len(actual), len(answers), sprite.count}
    if len(counts) > 1 or any(len(row) != len(columns) for row in answers):
        raise ValueError("a table has one index, class and row an image, and one answer a column")
    head = {
        "actual": list(actual),
        "answers": [[list(answer) for answer in row] for row in answers],
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
