"""The Present page: the scene in the address, and the bar that leads to the others."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cifarviz.datasets.registry import default_dataset, find_dataset
from cifarviz.installation import ASSETS
from cifarviz.people.person import may_make
from cifarviz.runs.records import Run
from cifarviz.runs.series import Series
from cifarviz.ui import cache
from cifarviz.ui.address import plain_parts, quoted
from cifarviz.ui.class_names import class_names
from cifarviz.ui.components.presenter import SpeakerView, presenter, speaker_window
from cifarviz.ui.errors import render_errors
from cifarviz.ui.navigation import go_to, link_to
from cifarviz.ui.pickers import render_restore_button
from cifarviz.ui.present import maps, mistakes, opening, photo, training, verdicts
from cifarviz.ui.present.run_choice import render_run_choice
from cifarviz.ui.present.stage import (
    RECORDED_NOTE,
    RUN_PARAMS,
    Scene,
    Stage,
    render_headline,
    render_run_menu,
    render_warning,
    run_choice,
    run_in_address,
)
from cifarviz.ui.query import current_query_params, update_query_params

SCENES: Mapping[str, Scene] = MappingProxyType(
    {
        "data": Scene("The data", opening.render_data, opening.data_title, needs_run=False),
        "network": Scene("The network", opening.render_network, opening.network_title),
        "training": Scene("Training", training.render_training, training.training_preview),
        "overfitting": Scene(
            "Overfitting", verdicts.render_overfitting, verdicts.overfitting_title
        ),
        "duel": Scene("The duel", verdicts.render_duel, verdicts.duel_title, needs_duel=True),
        "maps": Scene("Feature maps growing", maps.render_maps, maps.maps_preview),
        "mistakes": Scene("The mistakes", mistakes.render_mistakes, mistakes.mistakes_preview),
        "photo": Scene("Your photo", photo.render_photo, photo.photo_preview, needs_upload=True),
    }
)
"""The scenes by their name in the address, in order."""

# In links from before 2026-11.
_OLD_NAMES = {"turn": "overfitting"}
_STYLE = ASSETS / "present.css"
# Query parameters that the browser's scripts write, and those that belong to a single scene.
_CARRIED_PARAMS = ("at", "pace")
_SCENE_PARAMS = ("epoch", "choose")
_KEYS = (
    "PageDown or → next · PageUp or ← back · Space play · B black screen · N notes · "
    "S speaker’s window · O other run · F full screen · Esc leave"
)
_NEEDS_RUN = "This scene needs a trained network. Train a network first."


class _Layout(NamedTuple):
    """The containers of the page; ``notes`` and ``choices`` are ``None`` while hidden."""

    stage: DeltaGenerator
    notes: DeltaGenerator | None = None
    choices: DeltaGenerator | None = None


def render_page() -> None:
    """Render a scene as large as the window, or the speaker's window."""
    st.html(_STYLE)
    if st.query_params.get("speaker") == "1":
        speaker_window(key="speaker")
    else:
        _render_presentation()


def _render_presentation() -> None:
    """Render the scene in the address, with its notes if they are on."""
    notes = st.query_params.get("notes") == "1"
    choosing = st.query_params.get("choose") == "1"
    layout = _create_layout(notes)
    with layout.stage:
        for name, effect in (
            ("notes", "show them"), ("choose", "choose a run"), ("speaker", "open that window")
        ):  # fmt: skip
            if (value := st.query_params.get(name)) not in (None, "1"):
                render_warning(
                    f"{name.capitalize()} cannot be {quoted(value)}. Use 1 to {effect}, or leave "
                    "it out."
                )
        runs = cache.store().all()
        run = run_in_address(runs)
        stage = _stage(run, layout.choices)
        scenes = _available_scenes(stage.duel)
        name = _scene_in_address(scenes)
        speaker_notes: Sequence[str] = ()
        with render_errors():
            if choosing:
                speaker_notes = render_run_choice(runs, run, _present_run)
            else:
                speaker_notes = _render_scene(scenes[name], stage)
    choices = [] if run is None else [run_choice(runs, run)]
    if layout.notes is not None and layout.choices is not None:
        layout.notes.markdown("\n\n".join(speaker_notes))
        if choices:
            render_run_menu(layout.choices, choices[0], _present_run)
        layout.choices.caption(_KEYS)
    with st.container(key="present-bar"):
        leave = presenter(
            {key: scene.title for key, scene in scenes.items()},
            name,
            key="presenter",
            notes=notes,
            choosing=choosing,
            carried=_CARRIED_PARAMS,
            speaker=SpeakerView(
                "Choose a run" if choosing else scenes[name].title,
                [plain_parts(note) for note in speaker_notes],
                *_next_scene(scenes, name, stage),
                [*stage.choices, *choices],
            ),
            on_scene=_open_scene,
            on_notes=lambda is_shown: update_query_params(notes="1" if is_shown else None),
            on_choosing=lambda is_shown: update_query_params(choose="1" if is_shown else None),
            on_choice=_choose,
        )
    if leave:
        go_to("start")


def _available_scenes(duel: Series | None) -> Mapping[str, Scene]:
    """The scenes of a run that belongs to this duel, if to any, for the current person."""
    return {
        name: scene
        for name, scene in SCENES.items()
        if (duel is not None or not scene.needs_duel) and (may_make() or not scene.needs_upload)
    }


def _scene_in_address(scenes: Mapping[str, Scene]) -> str:
    """The name of the scene, of ``scenes``; reports a scene that is not among them."""
    wanted = st.query_params.get("scene", next(iter(scenes)))
    wanted = _OLD_NAMES.get(wanted, wanted)
    if wanted in scenes:
        return wanted
    if wanted in SCENES:
        reason = (
            "it needs a run of a duel of two runs."
            if SCENES[wanted].needs_duel
            else "join the class to show a photo."
        )
        render_warning(f"There is no scene {quoted(wanted)} here: {reason}")
        return _scene_before(wanted, scenes)
    render_warning(f"There is no scene {quoted(wanted)}. Choose from {', '.join(scenes)}.")
    return next(iter(scenes))


def _scene_before(name: str, scenes: Mapping[str, Scene]) -> str:
    """The last of ``scenes`` that comes before the scene ``name``."""
    order = list(SCENES)
    return [other for other in order[: order.index(name)] if other in scenes][-1]


def _next_scene(scenes: Mapping[str, Scene], name: str, stage: Stage) -> tuple[str, str]:
    """Title and preview of the scene after ``name``; empty after the last."""
    order = list(scenes)
    following = order[order.index(name) + 1 :]
    if not following:
        return "", ""
    scene = scenes[following[0]]
    preview = _NEEDS_RUN if scene.needs_run and stage.run is None else scene.preview(stage)
    return scene.title, preview


def _create_layout(notes: bool) -> _Layout:
    if not notes:
        return _Layout(st.container(key="present-stage"))
    left, right = st.columns([11, 4], gap="medium")
    with right, st.container(key="present-panel"):
        # Notes come first, though they are known last.
        notes_place, choices = st.container(), st.container()
    return _Layout(left.container(key="present-stage"), notes_place, choices)


def _stage(run: Run | None, choices: DeltaGenerator | None) -> Stage:
    info = default_dataset() if run is None else find_dataset(run.experiment.data.dataset)
    return Stage(
        run=run,
        history=() if run is None else cache.store().epochs(run.id),
        info=info,
        names=class_names(info),
        duel=verdicts.find_duel(run),
        panel=choices,
    )


def _render_scene(scene: Scene, stage: Stage) -> Sequence[str]:
    if scene.needs_run and stage.run is None:
        render_headline(scene.title)
        st.info(_NEEDS_RUN, icon=":material/info:")
        with st.container(horizontal=True):
            link_to("train", "Train a network")
            render_restore_button()
        return [RECORDED_NOTE]
    return scene.render(stage)


def _open_scene(scene: str, carried: Mapping[str, str]) -> None:
    update_query_params(**dict.fromkeys(_SCENE_PARAMS), **carried, scene=scene)


def _choose(name: str, value: str) -> None:
    """Apply a choice of the speaker's window."""
    if name == "run":
        _present_run(value)
    else:
        update_query_params(**{name: value})


def _present_run(run_id: str) -> None:
    """Present another run, in the same scene if it has it."""
    changed: dict[str, str | None] = dict.fromkeys((*RUN_PARAMS, "choose"))
    name = current_query_params().get("scene")
    if name is not None and name in SCENES:
        run = next((run for run in cache.store().all() if run.id == run_id), None)
        scenes = _available_scenes(verdicts.find_duel(run))
        if name not in scenes:
            changed["scene"] = _scene_before(name, scenes)
    update_query_params(**changed | {"run": run_id})
