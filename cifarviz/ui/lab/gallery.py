"""The images that were given wrong labels, and when each of these was learned."""

from itertools import groupby

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cifarviz.data.image_set import Dataset
from cifarviz.figures.sprite import enlarge, sprite
from cifarviz.runs.records import Run
from cifarviz.ui import cache
from cifarviz.ui.address import escaped
from cifarviz.ui.class_names import class_names
from cifarviz.ui.components.image_grid import image_grid
from cifarviz.ui.evaluate.sheets import picture_in_address
from cifarviz.ui.lab.memory import RunMemory
from cifarviz.ui.navigation import link_to
from cifarviz.ui.query import render_choice, update_query_params

_MOST = 24
_TILE = 96
_ENLARGED = 192
_ORDERS = {"first": "Learned first", "last": "Learned last", "never": "Not learned"}


def wrong_label_gallery(run: Run, found: RunMemory) -> None:
    """Show them in an order; the address holds it as ``gallery``, and one as ``picture``."""
    st.subheader("The images with wrong labels", anchor="gallery")
    which = render_choice(
        "gallery",
        "Which",
        _ORDERS,
        key="lab-gallery",
        hint="By the epoch from which on the network always gave an image its wrong label.",
        problem=lambda word: f"There is no gallery {word} here: {', '.join(_ORDERS)}.",
        forget=("picture",),
    )
    positions = _ordered(which, found)
    if not len(positions):
        st.info("There is no such image.", icon=":material/info:")
        return
    count = "{count:,} images."
    if len(positions) == 1:
        count = "{count:,} image."
    elif len(positions) > _MOST:
        count = "{count:,} images; the first {most}."
    st.caption(
        f"{count.format(count=len(positions), most=_MOST)} Below each is the wrong label it was "
        "trained with, and from which epoch on it was known."
    )
    shown = positions[:_MOST]
    data = cache.dataset(run.experiment.data.dataset, run.experiment.data.variant)
    chosen = _chosen(shown, found)
    grid, detail = st.columns([3, 1], gap="medium")
    with grid:
        clicked = _grid(shown, chosen, found, data)
    with detail:
        _large(chosen, found, data, run)
    if clicked is not None and int(shown[clicked]) != chosen:
        update_query_params(picture=str(found.indices[shown[clicked]]))
        st.rerun()


def _ordered(which: str, found: RunMemory) -> NDArray[np.int64]:
    """Positions, in the order that was chosen, of images with wrong labels."""
    learned, places = found.memory.false_learned, found.memory.false
    if which == "never":
        return places[learned == 0]
    known = np.flatnonzero(learned)
    order = np.argsort(learned[known] if which == "first" else -learned[known], kind="stable")
    return places[known[order]]


def _grid(shown: NDArray[np.int64], chosen: int, found: RunMemory, data: Dataset) -> int | None:
    names = class_names(data.info)
    since = [_learned(position, found) for position in shown]
    return image_grid(
        sprite(data.train.having(found.indices[shown].tolist()).images),
        key="lab-pictures",
        labels=[
            f"{names[found.given[position]]} {f'· {epoch}' if epoch else '–'}"
            for position, epoch in zip(shown, since, strict=True)
        ],
        tooltips=[
            f"Training image {found.indices[position]}: {names[found.right[position]]}, called "
            f"{names[found.given[position]]}; "
            + (f"learned from epoch {epoch} on" if epoch else "not learned")
            for position, epoch in zip(shown, since, strict=True)
        ],
        size=_TILE,
        selected=int(np.flatnonzero(shown == chosen)[0]),
        description="Images with wrong labels",
    )


def _large(position: int, found: RunMemory, data: Dataset, run: Run) -> None:
    names, index = class_names(data.info), int(found.indices[position])
    pixels = data.train.having([index]).images[0]
    large = enlarge(pixels, _ENLARGED)
    right, given = names[found.right[position]], names[found.given[position]]
    st.image(
        sprite(large[np.newaxis]).png, width=large.shape[1], alt=f"Training image {index}, enlarged"
    )
    st.markdown(
        f"**Training image {index}** shows: {escaped(right)}. It was trained as: "
        f":red[{escaped(given)}]."
    )
    st.caption(f"What it said: {_course(position, found, names)}.")
    link_to("inside", "Feature maps of this picture", run=run.id, split="train", image=index)


def _course(position: int, found: RunMemory, names: tuple[str, ...]) -> str:
    """``frog until epoch 4, dog until 9, cat from 10 on``."""
    pairs = zip(found.memory.epochs.tolist(), found.said[:, position].tolist(), strict=True)
    parts = [
        (names[said], [epoch for epoch, _ in of]) for said, of in groupby(pairs, lambda p: p[1])
    ]
    *before, (last, since) = parts
    words = [f"{escaped(name)} until epoch {epochs[-1]}" for name, epochs in before[-6:]]
    if len(before) > 6:
        words.insert(0, "…")
    return ", ".join([*words, f"{escaped(last)} from epoch {since[0]} on"])


def _learned(position: int, found: RunMemory) -> int:
    """The epoch from which on it was known, 0 if it is not."""
    place = int(np.searchsorted(found.memory.false, position))
    return int(found.memory.false_learned[place])


def _chosen(shown: NDArray[np.int64], found: RunMemory) -> int:
    """Position of the image that the address names, if it is shown, else of the first."""
    number = picture_in_address(found.indices)
    named = shown[found.indices[shown] == number] if number is not None else shown[:0]
    return int(named[0]) if len(named) else int(shown[0])
