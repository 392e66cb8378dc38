"""The Python half of the presenter: the scenes to the browser, where to go back."""

import json
from collections.abc import Callable, Collection, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from cifarviz.ui import state
from cifarviz.ui.streamlit_patches import uninterruptible

_HERE = Path(__file__).parent


def presenter(
    scenes: Mapping[str, str],
    shown: str,
    *,
    key: str,
    notes: bool,
    carried: Collection[str],
    on_scene: Callable[[str, Mapping[str, str]], None],
    on_notes: Callable[[bool], None],
) -> bool:
    """Listen to the keys and show the bar; says whether somebody wants to leave.

    ``scenes`` are names and titles in their order. ``on_scene`` is told, before the next run of
    the page, which one is wanted, and what the address then held of the names ``carried``:
    values that a component put there by itself. ``on_notes``: whether notes are wanted.
    """
    data = {
        "carried": sorted(carried),
        "notes": notes,
        "scenes": [[name, title] for name, title in scenes.items()],
        "shown": shown,
    }
    result = _component()(
        key=key,
        data=json.dumps(data).encode(),
        on_go_change=uninterruptible(lambda: _send_scene(key, scenes, carried, on_scene)),
        on_notes_change=uninterruptible(lambda: _send_notes(key, on_notes)),
        on_leave_change=_ignore,
    )
    return result.get("leave") is not None


def _send_scene(
    key: str,
    scenes: Mapping[str, str],
    carried: Collection[str],
    on_scene: Callable[[str, Mapping[str, str]], None],
) -> None:
    wanted = state.get(key).get("go")
    if not isinstance(wanted, Mapping) or wanted.get("scene") not in scenes:
        return
    held = wanted.get("carried")
    values = held if isinstance(held, Mapping) else {}
    kept = {name: str(value) for name, value in values.items() if name in carried}
    on_scene(str(wanted["scene"]), kept)


def _send_notes(key: str, on_notes: Callable[[bool], None]) -> None:
    wanted = state.get(key).get("notes")
    if isinstance(wanted, bool):
        on_notes(wanted)


def _ignore() -> None:
    """A trigger needs a callback; the value is read from the result."""


@cache
def _component() -> Any:
    return st.components.v2.component(
        "cifarviz.presenter",
        html=(_HERE / "presenter.html").read_text("utf-8"),
        css=(_HERE / "presenter.css").read_text("utf-8"),
        js=(_HERE / "presenter.js").read_text("utf-8"),
    )
