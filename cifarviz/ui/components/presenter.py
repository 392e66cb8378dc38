"""A bar and keys to go through scenes."""

import json
from collections.abc import Callable, Collection, Mapping

from cifarviz.ui import state
from cifarviz.ui.components.loading import component, ignore


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
    """Handle keys and show the bar; return whether to leave the presentation.

    ``scenes`` are titles by name, in order. ``on_scene`` gets, before the next run of the script,
    the selected scene and the query parameters ``carried``, which components set in the browser.
    ``on_notes`` gets whether notes are shown.
    """
    data = {
        "carried": sorted(carried),
        "notes": notes,
        "scenes": [[name, title] for name, title in scenes.items()],
        "shown": shown,
    }
    result = component("presenter")(
        key=key,
        data=json.dumps(data).encode(),
        on_go_change=lambda: _send_scene(key, scenes, carried, on_scene),
        on_notes_change=lambda: _send_notes(key, on_notes),
        on_leave_change=ignore,
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
    carried_values = {name: str(value) for name, value in values.items() if name in carried}
    on_scene(str(wanted["scene"]), carried_values)


def _send_notes(key: str, on_notes: Callable[[bool], None]) -> None:
    wanted = state.get(key).get("notes")
    if isinstance(wanted, bool):
        on_notes(wanted)
