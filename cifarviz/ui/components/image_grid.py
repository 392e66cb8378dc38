"""A grid of images, sent as one sprite, that reports clicks."""

import hashlib
import json
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

from cifarviz.figures.sprite import Sprite
from cifarviz.ui.components.loading import clicked_tile, component


class TileBar(NamedTuple):
    """A bar below a tile: ``share`` of its width, 0 to 1, is coloured; ``marked``: ringed."""

    share: float
    color: str
    marked: bool = False


def image_grid(
    sprite: Sprite,
    *,
    key: str,
    labels: Sequence[str] | None = None,
    tooltips: Sequence[str] | None = None,
    colors: Sequence[str] | None = None,
    bars: Sequence[Sequence[TileBar]] | None = None,
    size: int = 64,
    largest: int | None = None,
    selected: int | None = None,
    muted: Collection[int] = (),
    muted_word: str = "dead",
    noun: str = "Image",
    description: str = "Images",
    on_click: Callable[[int], None] | None = None,
) -> int | None:
    """Show the sprite's tiles enlarged without smoothing; returns the index clicked, once.

    With ``on_click`` the index is given to that before the next run of the script instead, so that
    the page is drawn once.

    ``size``: a tile's width on screen, CSS pixels, rounded to a whole multiple of the image's; with
    ``largest`` it is as much larger, up to that, as takes no more rows.
    ``labels`` stand below the tiles; ``tooltips`` (default: the label, or ``noun`` and number) show
    on hover and to screen readers; ``colors`` are stripes below the images; ``bars`` are shares,
    drawn below the labels, which the tooltips should contain. Each list has an entry per tile.
    ``selected`` is ringed; ``muted`` tiles are crossed out and called ``muted_word``.
    Raises ``ValueError`` if a list is not as long as the sprite.
    """
    a_tile = {"labels": labels, "tooltips": tooltips, "colors": colors, "bars": bars}
    for name, values in a_tile.items():
        if values is not None and len(values) != sprite.count:
            raise ValueError(f"{len(values)} {name} for {sprite.count} images.")
    head = {
        "bars": None if bars is None else [_plain_bars(row) for row in bars],
        "colors": None if colors is None else list(colors),
        "columns": sprite.columns,
        "count": sprite.count,
        "description": description,
        "labels": None if labels is None else list(labels),
        "largest": largest,
        "muted": sorted(muted),
        "mutedWord": muted_word,
        "noun": noun,
        "size": size,
        "sprite": hashlib.blake2b(sprite.png, digest_size=12).hexdigest(),
        "tile": [sprite.tile_width, sprite.tile_height],
        "tooltips": None if tooltips is None else list(tooltips),
    }
    # A line for the selection, a line for the tiles, then the sprite, so that a new selection needs
    # no redrawing.
    choice = json.dumps(selected).encode()
    parts = (choice, json.dumps(head).encode(), sprite.png)
    return clicked_tile(
        component(
            "image_grid", html='<div class="grid" role="group"></div><div class="tip" hidden></div>'
        ),
        key,
        parts,
        sprite.count,
        on_click,
    )


def _plain_bars(bars: Sequence[TileBar]) -> list[tuple[float, str, bool]]:
    # In thousandths: a track has some hundred pixels.
    return [(round(float(bar.share), 3), bar.color, bool(bar.marked)) for bar in bars]
