"""Replaying a run's curves in the browser."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import streamlit as st

from cifarviz.figures.replay import Replay, replay_json
from cifarviz.figures.theme import chart_script
from cifarviz.ui import state
from cifarviz.ui.address import quoted
from cifarviz.ui.components.live import Live
from cifarviz.ui.components.loading import component, ignore

ReplayMark = Literal["recorded", "waiting", "starting", "live", "paused", "stopping"]
"""What is shown: a recording, or an active run; ``live`` while it trains."""
FASTEST: Final = 50
_SHORTEST, _LONGEST = 5, 3600


@dataclass(frozen=True)
class Pace:
    """The replay speed: a multiple of the real speed, or the total duration in seconds.

    In the address it is ``10x`` or ``60s``.
    """

    times: int | None = None
    seconds: int | None = 60

    @property
    def word(self) -> str:
        """The value in the address."""
        return f"{self.seconds}s" if self.times is None else f"{self.times}x"


def parse_pace(text: str) -> Pace | None:
    """Parse a pace of the address, such as ``10x``; ``None`` if it is invalid."""
    found = re.fullmatch(r"([0-9]{1,4})([xs])", text)
    if found is None:
        return None
    number = int(found[1])
    if found[2] == "x":
        return Pace(times=number, seconds=None) if 1 <= number <= FASTEST else None
    return Pace(seconds=number) if _SHORTEST <= number <= _LONGEST else None


def parse_position(text: str | None) -> float | None:
    """A position in epochs such as ``8.25``; ``None`` if it is missing or no such number."""
    if text is None or not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,4})?", text):
        return None
    return float(text)


def position_in_address() -> float | None:
    """The position ``at`` of the address; warns of one that is no number of epochs."""
    text = st.query_params.get("at")
    position = parse_position(text)
    if text is not None and position is None:
        st.warning(
            f"{quoted(text)} is not an epoch. The replay starts at epoch 0.",
            icon=":material/warning:",
        )
    return position


def pace_in_address(usual: Pace) -> Pace:
    """The ``pace`` of the address, else ``usual``; warns of one that is invalid."""
    text = st.query_params.get("pace")
    pace = usual if text is None else parse_pace(text)
    if pace is None:
        st.warning(
            f"A run cannot be replayed at {quoted(text or '')}. Use 1x to {FASTEST}x, or a "
            "duration such as 60s.",
            icon=":material/warning:",
        )
    return pace or usual


def replay_curves(
    value: Replay,
    *,
    key: str,
    view: str,
    height: float,
    mark: ReplayMark,
    description: str,
    player: bool = False,
    autoplay: bool = False,
    at: float | None = None,
    pace: Pace | None = None,
    forks: Sequence[int] = (),
    on_fork: Callable[[int], None] | None = None,
    restart: str = "",
    on_restart: Callable[[], None] = ignore,
    below: str = "",
    live: Live | None = None,
) -> None:
    """Show the curves, ``height`` rem high, labelled with ``mark``.

    With ``player`` they are played from the epoch ``at`` on, by default the first, with
    ``autoplay`` at once unless the browser is set to reduce motion. The browser keeps ``at`` and
    ``pace`` in the address; another ``view`` (a run's id) starts again. Without ``player`` the
    complete curves are shown. ``on_fork`` gets the last of the epochs ``forks`` at or before
    the player's position, to continue training from. Before the first of them a button
    labelled ``restart`` calls ``on_restart``. ``below`` is a line of text under the curves.
    Between runs of the script the browser draws the feed ``live``: ``replay`` is the ``payload`` of
    the curves, and ``texts`` holds mark, description and below.
    """
    data = {
        **replay_json(value),
        "at": at,
        "autoplay": autoplay,
        "below": below,
        "description": description,
        "forks": list(forks) if on_fork is not None else [],
        "height": height,
        "live": None if live is None else live.values(),
        "mark": mark,
        "pace": (pace or Pace()).word,
        "player": player,
        "restart": restart,
        "view": view,
    }
    component("replay", setup=chart_script, shared=("live", "panel"))(
        key=key,
        data=json.dumps(data, separators=(",", ":")).encode(),
        on_fork_change=lambda: _send_fork(key, forks, on_fork),
        on_restart_change=on_restart,
        on_rerun_change=ignore,
    )


def _send_fork(key: str, forks: Sequence[int], on_fork: Callable[[int], None] | None) -> None:
    wanted = state.get(key).get("fork")
    if on_fork is not None and wanted in forks:
        on_fork(wanted)
