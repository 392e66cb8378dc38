"""The Python half of the replay: the whole course to the browser, and where to hear of more."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

import streamlit as st

from cifarviz.figures.replay import Replay, payload
from cifarviz.ui import state
from cifarviz.ui.components.live import Live, live_script
from cifarviz.ui.streamlit_patches import uninterruptible

_HERE = Path(__file__).parent
ReplayMark = Literal["recorded", "waiting", "starting", "live", "paused", "stopping"]
"""What is shown: a recording, or a run under way; ``live`` is only said of one that trains."""
FASTEST: Final = 50
_SHORTEST, _LONGEST = 5, 3600


@dataclass(frozen=True)
class Pace:
    """How fast a run is played: so many times its own speed, or the whole in so many seconds.

    In the address it is ``10x`` or ``60s``.
    """

    times: int | None = None
    seconds: int | None = 60

    @property
    def word(self) -> str:
        """As the address has it."""
        return f"{self.seconds}s" if self.times is None else f"{self.times}x"


@dataclass(frozen=True)
class OverfittingStart:
    """The epoch from which on the distance of both curves is shaded, and the words for it."""

    epoch: int
    words: str


def parse_pace(text: str) -> Pace | None:
    """The pace that the address names so; ``None`` for what is none."""
    found = re.fullmatch(r"([0-9]{1,4})([xs])", text)
    if found is None:
        return None
    number = int(found[1])
    if found[2] == "x":
        return Pace(times=number, seconds=None) if 1 <= number <= FASTEST else None
    return Pace(seconds=number) if _SHORTEST <= number <= _LONGEST else None


def replay_curves(
    value: Replay,
    *,
    key: str,
    view: str,
    height: float,
    mark: ReplayMark,
    description: str,
    player: bool = False,
    at: float | None = None,
    pace: Pace | None = None,
    turn: OverfittingStart | None = None,
    forks: Sequence[int] = (),
    on_fork: Callable[[int], None] | None = None,
    below: str = "",
    live: Live | None = None,
) -> None:
    """Show the curves, ``height`` rem high, marked as what they are.

    Without ``player`` all of them are there. With it they are played from the epoch ``at`` on (the
    beginning, without one), and the browser keeps ``at`` and ``pace`` in the address; another
    ``view`` (a run's id) begins anew. ``forks`` are the epochs from which ``on_fork`` can go on
    with training; it is told the newest of them at or before the place the player is at.
    ``below`` is a line of text under them. Between runs of the page the browser draws what the feed
    ``live`` has: the ``payload`` of the curves as ``replay``, and as ``words`` mark, description
    and below.
    """
    data = {
        **payload(value),
        "at": at,
        "below": below,
        "description": description,
        "forks": list(forks) if on_fork is not None else [],
        "height": height,
        "live": None if live is None else live.values(),
        "mark": mark,
        "pace": (pace or Pace()).word,
        "player": player,
        "turn": None if turn is None else {"epoch": turn.epoch, "words": turn.words},
        "view": view,
    }
    _component()(
        key=key,
        data=json.dumps(data, separators=(",", ":")).encode(),
        on_fork_change=uninterruptible(lambda: _send_fork(key, forks, on_fork)),
        on_rerun_change=_ignore,
    )


def _send_fork(key: str, forks: Sequence[int], on_fork: Callable[[int], None] | None) -> None:
    wanted = state.get(key).get("fork")
    if on_fork is not None and wanted in forks:
        on_fork(wanted)


def _ignore() -> None:
    """A trigger needs a callback; that the page runs is all that is wanted."""


@cache
def _component() -> Any:
    return st.components.v2.component(
        "cifarviz.replay",
        html=(_HERE / "replay.html").read_text("utf-8"),
        css=(_HERE / "replay.css").read_text("utf-8"),
        js=live_script()
        + "\n".join((_HERE / name).read_text("utf-8") for name in ("replay.js", "panel.js")),
    )
