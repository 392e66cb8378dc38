"""The Python half of the epoch slider: stops and curves to the browser, an epoch back."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from math import isfinite
from pathlib import Path
from typing import Any

import streamlit as st

from cifarviz.ui import state
from cifarviz.ui.streamlit_patches import uninterruptible

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Curves:
    """Values after each epoch from 1 on; ``validation`` is empty where nothing was validated."""

    name: str
    training: Sequence[float | None]
    validation: Sequence[float | None]


def epoch_slider(
    stops: Sequence[int],
    shown: int,
    *,
    key: str,
    curves: Curves,
    on_epoch: Callable[[int], None],
    best: int | None = None,
    growing: bool = False,
    about: str = "",
) -> None:
    """Show the curves with a cursor at the epoch ``shown``, one of the ascending ``stops``.

    ``on_epoch`` is told, before the next run of the page, which stop a person or the player wants.
    Call this last on the page, in a container higher up: the player takes its next step only when
    the slider has come back with the step before, so everything else has been drawn by then.
    ``best`` is marked; ``growing``: more stops will come, so at the last one the player waits.
    ``about`` says in a few words what is shown; it appears once the slider is all that is left in
    sight of the top of the page.
    """
    data = {
        "about": about,
        "best": best,
        "curve": curves.name,
        "growing": growing,
        "shown": shown,
        "stops": list(stops),
        "training": _plain_values(curves.training),
        "validation": _plain_values(curves.validation),
    }
    _component()(
        key=key,
        data=json.dumps(data).encode(),
        on_epoch_change=uninterruptible(lambda: _send_epoch(key, stops, on_epoch)),
    )


def _send_epoch(key: str, stops: Sequence[int], on_epoch: Callable[[int], None]) -> None:
    wanted = state.get(key).get("epoch")
    if wanted in stops:
        on_epoch(wanted)


def _plain_values(values: Sequence[float | None]) -> list[float | None]:
    return [
        None if value is None or not isfinite(value) else float(f"{value:.5g}") for value in values
    ]


@cache
def _component() -> Any:
    return st.components.v2.component(
        "cifarviz.epoch_slider",
        html=(_HERE / "epoch_slider.html").read_text("utf-8"),
        css=(_HERE / "epoch_slider.css").read_text("utf-8"),
        js=(_HERE / "epoch_slider.js").read_text("utf-8"),
    )
