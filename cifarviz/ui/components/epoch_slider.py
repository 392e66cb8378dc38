"""A slider over epochs, drawn on a run's curves."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite

from cifarviz.ui import state
from cifarviz.ui.components.loading import component


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

    ``on_epoch`` gets the selected stop before the next run of the script. Call this last on the
    page, in a container higher up: the player takes its next step when the slider has returned, so
    everything else is drawn by then. ``best`` is marked. With ``growing`` the player waits at the
    last stop for more. ``about`` describes what is shown, when the page is scrolled down.
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
    component("epoch_slider", shared=("buttons",))(
        key=key,
        data=json.dumps(data).encode(),
        on_epoch_change=lambda: _send_epoch(key, stops, on_epoch),
    )


def _send_epoch(key: str, stops: Sequence[int], on_epoch: Callable[[int], None]) -> None:
    wanted = state.get(key).get("epoch")
    if wanted in stops:
        on_epoch(wanted)


def _plain_values(values: Sequence[float | None]) -> list[float | None]:
    return [
        None if value is None or not isfinite(value) else float(f"{value:.5g}") for value in values
    ]
