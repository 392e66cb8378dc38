"""Parts of all image lists of Evaluate: pages, bars, the enlarged image, and links."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cifarviz.analysis.members import Member
from cifarviz.figures.percent import format_probability
from cifarviz.figures.sprite import enlarge, sprite
from cifarviz.figures.theme import class_color
from cifarviz.runs.stored_weights import default_weights, explain_missing_weights
from cifarviz.ui import cache, state
from cifarviz.ui.address import quoted, whole_number
from cifarviz.ui.components.image_grid import TileBar
from cifarviz.ui.epoch_scrubber import inspectable_epochs, nearest_epoch
from cifarviz.ui.evaluate.evaluation import EvaluatedImages
from cifarviz.ui.navigation import link_to
from cifarviz.ui.pickers import available_checkpoints, checkpoint_label
from cifarviz.ui.query import update_query_params

BARS_EXPLANATION: Final = (
    "Bars: the three most probable classes. The actual class is outlined; if it is less probable, "
    "it replaces the third."
)
TILE_SIZE: Final = 96
_BARS = 3
_ENLARGED = 192


class ImagePage(NamedTuple):
    """The ``positions`` on page ``number``, from 1, of ``pages``; query parameter ``param``."""

    positions: NDArray[np.int64]
    number: int
    pages: int
    param: str


class TileBars(NamedTuple):
    """For each of k images its bars from top to bottom, and ``dog 98.4%, cat 1.6%, …``."""

    bars: list[list[TileBar]]
    texts: list[str]


class InsideLink(NamedTuple):
    """The query parameters of an image's feature maps on Inside, and whose maps they are.

    ``source`` is empty where they are of the very network that was evaluated.
    """

    query_params: dict[str, str]
    source: str


def read_page(
    positions: NDArray[np.int64], size: int, *, param: str = "page", selected: int | None = None
) -> ImagePage:
    """Return the page that ``param`` names, else that of ``selected``, else the first.

    ``positions`` are (n,), n > 0, shown ``size`` to a page. Unknown pages are reported.
    """
    pages = -(-len(positions) // size)
    found = np.flatnonzero(positions == (-1 if selected is None else selected))
    number = int(found[0]) // size + 1 if len(found) else 1
    text = st.query_params.get(param)
    if text is not None:
        wanted = whole_number(text)
        if wanted is None or not 1 <= wanted <= pages:
            st.error(
                f"There is no page {quoted(text)}: pages are numbered 1 to {pages:,}.",
                icon=":material/error:",
            )
        else:
            number = wanted
    return ImagePage(positions[(number - 1) * size : number * size], number, pages, param)


def render_pagination(page: ImagePage, key: str, *, forget: Sequence[str] = ()) -> None:
    """Show the page numbers if there are several; ``forget`` names parameters a change clears."""
    if page.pages > 1:
        # A key for each page, so that the widget follows the address.
        key = f"{key}-{page.number}-{page.pages}"
        st.pagination(
            page.pages,
            default=page.number,
            key=key,
            on_change=_page_chosen,
            args=(key, page, forget),
        )


def _page_chosen(key: str, page: ImagePage, forget: Sequence[str]) -> None:
    if state.get(key) != page.number:
        update_query_params(**dict.fromkeys(forget), **{page.param: str(state.get(key))})


def image_in_address(indices: NDArray[np.int64]) -> int | None:
    """Return the position of the image that the address names as ``picture``, if it names any.

    ``indices`` are the official numbers of all images, shown or not. Unknown ones are reported.
    """
    text = st.query_params.get("picture")
    if text is None:
        return None
    number = whole_number(text)
    found = np.flatnonzero(indices == (-1 if number is None else number))
    if not len(found):
        st.error(
            f"There is no image {quoted(text)} here, so the first is shown.",
            icon=":material/error:",
        )
        return None
    return int(found[0])


def open_clicked_image(
    clicked: int | None,
    positions: NDArray[np.int64],
    selected: int,
    indices: NDArray[np.int64],
    *,
    param: str = "picture",
) -> None:
    """Put the clicked image into the address and run the page again, unless it is selected.

    ``clicked`` is its place among the ``positions`` shown; ``indices`` are the official numbers.
    """
    if clicked is not None and int(positions[clicked]) != selected:
        update_query_params(**{param: str(indices[positions[clicked]])})
        st.rerun()


def render_enlarged(pixels: NDArray[np.uint8], title: str, size: int = _ENLARGED) -> None:
    """Show an image, uint8 (height, width, channels), enlarged to about ``size`` CSS pixels."""
    large = enlarge(pixels, size)
    st.image(sprite(large[np.newaxis]).png, width=large.shape[1], alt=f"{title}, enlarged")


def tile_bars(
    classes: Sequence[str], probabilities: NDArray[np.floating], labels: NDArray[np.integer]
) -> TileBars:
    """Return the most probable classes of each image, the actual one among them.

    ``probabilities`` are (k, classes), ``labels`` (k,) the actual classes.
    """
    order = np.argsort(-probabilities, axis=1, kind="stable")[:, :_BARS]
    unlikely = ~(order == labels[:, np.newaxis]).any(axis=1)
    order[unlikely, -1] = labels[unlikely]
    result = TileBars([], [])
    for top, shares, actual in zip(order, probabilities, labels, strict=True):
        pairs = [(int(index), float(shares[index])) for index in top]
        result.bars.append([TileBar(p, class_color(i), i == actual) for i, p in pairs])
        result.texts.append(", ".join(f"{classes[i]} {format_probability(p)}" for i, p in pairs))
    return result


def inside_link(images: EvaluatedImages, index: int, member: Member) -> InsideLink:
    """Return where Inside shows the image of official number ``index``, by ``member``.

    A run saves predictions after each epoch, but weights, and maps of pinned test images, after
    few: then it is the nearest epoch.
    """
    run, when = member.run, member.when
    params = {"split": images.split, "image": str(index), "run": run.id}
    if not isinstance(when, int):
        return InsideLink(params | {"checkpoint": when}, "")
    epochs = inspectable_epochs(run, index if images.split == "test" else None)
    if epochs:
        near = nearest_epoch(epochs, when)
        source = "" if near == when else f"after epoch {near}"
        if len(epochs) > 1:
            return InsideLink(params | {"checkpoint": "epochs", "epoch": str(near)}, source)
        if not isinstance(epochs[near], int):
            # With a single epoch, Inside has no slider.
            return InsideLink(params | {"checkpoint": str(epochs[near])}, source)
    checkpoint = default_weights(cache.store(), run)
    if explain_missing_weights(cache.store(), run, checkpoint) is not None:
        # Inside reports what is missing.
        return InsideLink(params, "")
    return InsideLink(params | {"checkpoint": checkpoint}, f"– {checkpoint_label(run, checkpoint)}")


def render_image_links(images: EvaluatedImages, index: int, member: Member) -> None:
    """Show links to the image of official number ``index`` on Inside and Predict."""
    inside = inside_link(images, index, member)
    link_to("inside", f"See its feature maps {inside.source}".rstrip(), **inside.query_params)
    params = {"split": images.split, "image": str(index), "run": member.run.id}
    if not isinstance(member.when, int):
        link_to("predict", "See its prediction", checkpoint=member.when, **params)
    elif available_checkpoints(member.run):
        # Predict loads checkpoints only, and these may have been removed.
        link_to("predict", "See the prediction of the run's checkpoint", **params)
