"""A dozen images as training would change them, on Train and Samples."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from cifarviz.data.image_set import Dataset, ImageSet
from cifarviz.experiment.choices import Augmentation, Data
from cifarviz.figures.sprite import sprite
from cifarviz.figures.theme import class_color
from cifarviz.ui import cache
from cifarviz.ui.address import escaped
from cifarviz.ui.class_names import class_names
from cifarviz.ui.components.image_grid import image_grid
from cifarviz.value_text import format_number

if TYPE_CHECKING:
    from cifarviz.training.augmentation_examples import AugmentationExamples

EXAMPLE_IMAGES = 12
"""So many images are changed."""
LARGEST_DRAW = 9_999
"""The highest number of a drawing of examples; the first is 0."""
_TILE = 64
# Of the image grid's style sheet: around it, and between tiles with labels.
_MARGIN, _GAP = 8, 8


def render_augmentation_examples(
    data: Dataset,
    images: ImageSet,
    augmentation: Augmentation,
    *,
    room: int,
    versions: int,
    draw: int,
) -> None:
    """Show images of ``data``, at least one, above changed versions of each.

    As many stand side by side as fit into ``room`` CSS pixels, with so many ``versions`` of each
    below. ``draw`` is the number of the drawing.
    """
    if problems := augmentation.find_problems(data.info.image_shape, Data()):
        st.warning(escaped(" ".join(problems)), icon=":material/warning:")
        return
    width = max(1, round(_TILE / images.images.shape[2])) * images.images.shape[2]
    count = min(len(images), EXAMPLE_IMAGES)
    columns = max(1, min(count, (room - _MARGIN + _GAP) // (width + _GAP)))
    # Full rows only, or versions would not stand below their images.
    shown = images.take(np.arange(count // columns * columns))
    examples = cache.augmentation_examples(
        data, shown.images, augmentation, seed=draw, times=versions
    )
    names = class_names(data.info)
    each = [names[label] for label in shown.labels]
    texts = _texts(each, examples)
    places = _places(len(shown), columns, versions + 1)
    pixels = np.concatenate([shown.images[None], examples.images])
    flat = pixels.reshape(-1, *shown.images.shape[1:])
    mixed = augmentation.mixes_labels
    with st.container(width=columns * (width + _GAP) - _GAP + _MARGIN):
        image_grid(
            sprite(flat[places]),
            key="augmentation-examples",
            labels=[_label(texts[place], place < len(shown), mixed) for place in places],
            tooltips=[texts[place] for place in places],
            colors=[class_color(int(shown.labels[place % len(shown)])) for place in places],
            size=_TILE,
            description="Training images and what training would make of them",
        )
    st.caption(_caption(augmentation, versions))


def render_draw_again(draw: int, draw_again: Callable[[int], None]) -> None:
    """Show a button that calls ``draw_again`` with the number of the drawing after ``draw``."""
    st.button(
        "Draw again",
        icon=":material/casino:",
        on_click=draw_again,
        args=((draw + 1) % (LARGEST_DRAW + 1),),
        help="Draw other random changes to the same images.",
    )


def _places(count: int, columns: int, rows: int) -> list[int]:
    """Return the order of rows of ``count`` tiles with so many columns, which divide it."""
    return [
        row * count + image
        for first in range(0, count, columns)
        for row in range(rows)
        for image in range(first, first + columns)
    ]


def _texts(names: Sequence[str], examples: "AugmentationExamples") -> list[str]:
    """Return what each original and each version is of: ``60% cat, 40% truck``."""
    texts = [f"{name}, unchanged" for name in names]
    for shares, partners in zip(examples.shares, examples.partners, strict=True):
        for own, share, partner in zip(names, shares, partners, strict=True):
            texts.append(_mixture(own, names[partner], round(100 * float(share))))
    return texts


def _mixture(own: str, other: str, percent: int) -> str:
    if percent == 100:
        return own
    if percent == 0:
        return other
    if own == other:
        return f"{own} (two of them)"
    return f"{percent}% {own}, {100 - percent}% {other}"


def _label(text: str, is_original: bool, mixed: bool) -> str:
    """Return the lines below a tile: as many below each version, so that rows are even."""
    if is_original:
        return text.removesuffix(", unchanged")
    if not mixed:
        return ""
    first, _, second = text.partition(", ")
    return f"{first}\n{second}" if second else f"{first}\n "


def _caption(augmentation: Augmentation, versions: int) -> str:
    defaults = Augmentation()
    changes = [
        Augmentation.label(name)
        if value is True
        else f"{Augmentation.label(name)} {format_number(float(value))}"
        for name, value in augmentation
        if value != getattr(defaults, name)
    ]
    if not changes:
        return "Nothing is changed yet: choose an augmentation."
    rows = "; each row below it is another epoch" if versions > 1 else ""
    return f"Below each image what training makes of it with {', '.join(changes)}{rows}."
