"""A bar and keys to go through scenes, and the speaker's window that follows them."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cifarviz.ui import state
from cifarviz.ui.address import TextPart
from cifarviz.ui.components.loading import component, ignore

Notes = Sequence[Sequence[TextPart]]


@dataclass(frozen=True)
class OfferedChoice:
    """A choice in the speaker's window: ``options`` are labels by value."""

    name: str
    label: str
    options: Mapping[str, str]
    chosen: str


@dataclass(frozen=True)
class SpeakerView:
    """What the speaker's window shows: the scene's headline and notes, a paragraph each.

    ``next_title`` and ``preview`` are of the scene that comes; both are empty after the last.
    """

    headline: str
    notes: Notes
    next_title: str
    preview: str
    choices: Sequence[OfferedChoice]

    def values(self) -> dict[str, Any]:
        """The values as JSON, for the browser."""
        return {
            "headline": self.headline,
            "notes": [[[part.text, part.is_bold] for part in note] for note in self.notes],
            "next": [self.next_title, self.preview],
            "choices": [
                [choice.name, choice.label, list(choice.options.items()), choice.chosen]
                for choice in self.choices
            ],
        }


def presenter(
    scenes: Mapping[str, str],
    shown: str,
    *,
    key: str,
    notes: bool,
    choosing: bool,
    carried: Collection[str],
    speaker: SpeakerView,
    on_scene: Callable[[str, Mapping[str, str]], None],
    on_notes: Callable[[bool], None],
    on_choosing: Callable[[bool], None],
    on_choice: Callable[[str, str], None],
) -> bool:
    """Handle keys and show the bar; return whether to leave the presentation.

    ``scenes`` are titles by name, in order. ``on_scene`` gets, before the next run of the script,
    the selected scene and the query parameters ``carried``, which components set in the browser.
    ``on_notes`` gets whether notes are shown, ``on_choosing`` whether another run is being chosen,
    ``on_choice`` name and value of a choice in the speaker's window.
    """
    data = {
        "carried": sorted(carried),
        "choosing": choosing,
        "notes": notes,
        "scenes": [[name, title] for name, title in scenes.items()],
        "shown": shown,
        "speaker": speaker.values(),
    }
    result = component("presenter", shared=("scene_keys",))(
        key=key,
        data=json.dumps(data).encode(),
        on_go_change=lambda: _send_scene(key, scenes, carried, on_scene),
        on_notes_change=lambda: _send_switch(key, "notes", on_notes),
        on_choosing_change=lambda: _send_switch(key, "choosing", on_choosing),
        on_choose_change=lambda: _send_choice(key, speaker.choices, on_choice),
        on_leave_change=ignore,
    )
    return result.get("leave") is not None


def speaker_window(*, key: str) -> None:
    """Show the notes and controls of the presentation in another window of this browser."""
    component("speaker", shared=("scene_keys",))(key=key, data=b"")


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


def _send_switch(key: str, name: str, on_switch: Callable[[bool], None]) -> None:
    wanted = state.get(key).get(name)
    if isinstance(wanted, bool):
        on_switch(wanted)


def _send_choice(
    key: str, choices: Sequence[OfferedChoice], on_choice: Callable[[str, str], None]
) -> None:
    wanted = state.get(key).get("choose")
    if not isinstance(wanted, Mapping):
        return
    for choice in choices:
        if choice.name == wanted.get("name") and wanted.get("value") in choice.options:
            on_choice(choice.name, str(wanted["value"]))
