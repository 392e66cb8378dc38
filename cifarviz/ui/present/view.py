"""The Present page: the scene in the address, and the bar that leads to the others."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cifarviz.datasets.registry import default_dataset, find_dataset
from cifarviz.installation import ASSETS
from cifarviz.runs.records import Run
from cifarviz.ui import cache
from cifarviz.ui.address import quoted
from cifarviz.ui.class_names import class_names
from cifarviz.ui.components.presenter import presenter
from cifarviz.ui.errors import render_errors
from cifarviz.ui.navigation import go_to, link_to
from cifarviz.ui.pickers import render_restore_button
from cifarviz.ui.present import maps, mistakes, opening, photo, training
from cifarviz.ui.present.stage import (
    Scene,
    Stage,
    render_headline,
    render_run_menu,
    render_warning,
    run_in_address,
)
from cifarviz.ui.query import update_query_params

SCENES: Mapping[str, Scene] = MappingProxyType(
    {
        "data": Scene("The data", opening.render_data, needs_run=False),
        "network": Scene("The network", opening.render_network),
        "training": Scene("Training", training.render_training),
        "turn": Scene("Overfitting", training.render_overfitting),
        "maps": Scene("Feature maps growing", maps.render_maps),
        "mistakes": Scene("The mistakes", mistakes.render_mistakes),
        "photo": Scene("Your photo", photo.render_photo),
    }
)

_STYLE = ASSETS / "present.css"
# Query parameters that the browser's scripts write, and those that belong to a single scene.
_CARRIED_PARAMS = ("at", "pace")
_SCENE_PARAMS = ("epoch",)
_KEYS = (
    "PageDown or → next · PageUp or ← back · Space play · B black screen · N notes · "
    "F full screen · Esc leave"
)


class _Layout(NamedTuple):
    """The containers of the page; ``notes`` and ``choices`` are ``None`` while hidden."""

    stage: DeltaGenerator
    notes: DeltaGenerator | None = None
    choices: DeltaGenerator | None = None


def render_page() -> None:
    """Render a scene as large as the window, with its notes if they are on."""
    st.html(_STYLE)
    name = _scene_in_address()
    notes = st.query_params.get("notes") == "1"
    layout = _create_layout(notes)
    with layout.stage:
        if name is None:
            known = ", ".join(SCENES)
            render_warning(
                f"There is no scene {quoted(st.query_params['scene'])}. Choose from {known}."
            )
        if st.query_params.get("notes") not in (None, "1"):
            value = quoted(st.query_params["notes"])
            render_warning(f"Notes cannot be {value}. Use 1 to show them, or leave them out.")
        runs = cache.store().all()
        run = run_in_address(runs)
        stage = _stage(run, layout.choices)
        speaker_notes: Sequence[str] = ()
        with render_errors():
            speaker_notes = _render_scene(SCENES[name or next(iter(SCENES))], stage)
    if layout.notes is not None and layout.choices is not None:
        layout.notes.markdown("\n\n".join(speaker_notes))
        if run is not None:
            render_run_menu(layout.choices, runs, run)
        layout.choices.caption(_KEYS)
    with st.container(key="present-bar"):
        leave = presenter(
            {key: scene.title for key, scene in SCENES.items()},
            name or next(iter(SCENES)),
            key="presenter",
            notes=notes,
            carried=_CARRIED_PARAMS,
            on_scene=_open_scene,
            on_notes=lambda is_shown: update_query_params(notes="1" if is_shown else None),
        )
    if leave:
        go_to("start")


def _scene_in_address() -> str | None:
    """The name of the scene; ``None`` if the address has an unknown scene."""
    wanted = st.query_params.get("scene", next(iter(SCENES)))
    return wanted if wanted in SCENES else None


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
        panel=choices,
    )


def _render_scene(scene: Scene, stage: Stage) -> Sequence[str]:
    if scene.needs_run and stage.run is None:
        render_headline(scene.title)
        st.info(
            "This scene needs a trained network. Train a network first.",
            icon=":material/info:",
        )
        with st.container(horizontal=True):
            link_to("train", "Train a network")
            render_restore_button()
        return ["The recorded run that comes with cifarviz works in every scene."]
    return scene.render(stage)


def _open_scene(scene: str, carried: Mapping[str, str]) -> None:
    update_query_params(**dict.fromkeys(_SCENE_PARAMS), **carried, scene=scene)
