"""The Python half of the image grid: one sprite to the browser, an index back."""

import hashlib
import json
from collections.abc import Collection, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from cifarviz.figures.sprite import Sprite
from cifarviz.ui.components.clicked_tile import clicked_tile

_HERE = Path(__file__).parent


def image_grid(
    sprite: Sprite,
    *,
    key: str,
    labels: Sequence[str] | None = None,
    tooltips: Sequence[str] | None = None,
    colors: Sequence[str] | None = None,
    size: int = 64,
    largest: int | None = None,
    selected: int | None = None,
    muted: Collection[int] = (),
    muted_word: str = "dead",
    noun: str = "Image",
    description: str = "Images",
) -> int | None:
    """Show the sprite's tiles enlarged without smoothing; returns the index clicked, once.

    ``size``: a tile's width on screen, CSS pixels, rounded to a whole multiple of the image's; with
    ``largest`` it is as much larger, up to that, as takes no more rows.
    ``labels`` stand below the tiles; ``tooltips`` (default: the label, or ``noun`` and number) show
    on hover and are what screen readers say; ``colors`` are bars below them; one of each a tile.
    ``selected`` is ringed; ``muted`` tiles are crossed out and called ``muted_word``.
    Raises ``ValueError`` when a list isn't as long as the sprite.
    """
    for name, given in (("labels", labels), ("tooltips", tooltips), ("colors", colors)):
        if given is not None and len(given) != sprite.count:
            raise ValueError(f"{len(given)} {name} for {sprite.count} images.")
    head = {
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
    # A line for the choice, a line for the tiles, then the picture: a new choice alone is ringed
    # without drawing anything again.
    choice = json.dumps(selected).encode()
    parts = (choice, json.dumps(head).encode(), sprite.png)
    return clicked_tile(_component(), key, parts, sprite.count)


@cache
def _component() -> Any:
    return st.components.v2.component(
        "cifarviz.image_grid",
        html='<div class="grid" role="group"></div><div class="tip" hidden></div>',
        css=(_HERE / "image_grid.css").read_text("utf-8"),
        js=(_HERE / "image_grid.js").read_text("utf-8"),
    )
