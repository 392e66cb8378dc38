"""The page for the projector: the scene that the address names, and the way through them."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cifarviz.datasets.registry import default_dataset, find
from cifarviz.installation import ASSETS
from cifarviz.runs.records import Run
from cifarviz.ui import cache
from cifarviz.ui.address import quoted
from cifarviz.ui.class_names import class_names
from cifarviz.ui.components.presenter import presenter
from cifarviz.ui.errors import errors_shown
from cifarviz.ui.navigation import go_to, link_to
from cifarviz.ui.pickers import render_restore_button
from cifarviz.ui.present import maps, mistakes, opening, photo, training
from cifarviz.ui.present.stage import Scene, Stage, all_runs, chosen_run, headline, run_menu, warn
from cifarviz.ui.query import update_query_params

SCENES: Mapping[str, Scene] = MappingProxyType(
    {
        "data": Scene("The data", opening.render_data, needs_run=False),
        "network": Scene("The network", opening.render_network),
        "training": Scene("Training", training.render_training),
        "turn": Scene("The turn", training.render_overfitting),
        "maps": Scene("Feature maps growing", maps.render_maps),
        "mistakes": Scene("The mistakes", mistakes.render_mistakes),
        "photo": Scene("Your photo", photo.render_photo),
    }
)

_STYLE = ASSETS / "present.css"
# What scripts put into the address by themselves, and what belongs to one scene only.
_CARRIED = ("at", "pace")
_OF_A_SCENE = ("epoch",)
_KEYS = (
    "PageDown or → next · PageUp or ← back · Space plays · B black screen · N notes · "
    "F full screen · Esc leave"
)


class _Places(NamedTuple):
    """Where things stand; the speaker's places are ``None`` while they are hidden."""

    stage: DeltaGenerator
    notes: DeltaGenerator | None = None
    choices: DeltaGenerator | None = None


def present() -> None:
    """Show one scene, as large as the window, and listen for the next."""
    st.html(_STYLE)
    name = _scene_in_address()
    notes = st.query_params.get("notes") == "1"
    places = _places(notes)
    with places.stage:
        if name is None:
            known = ", ".join(SCENES)
            warn(f"There is no scene {quoted(st.query_params['scene'])}: it is one of {known}.")
        if st.query_params.get("notes") not in (None, "1"):
            given = quoted(st.query_params["notes"])
            warn(f"The address has {given} for the notes: 1 shows them, nothing hides them.")
        runs = all_runs()
        run = chosen_run(runs)
        stage = _stage(run, places.choices)
        told: Sequence[str] = ()
        with errors_shown():
            told = _render_scene(SCENES[name or next(iter(SCENES))], stage)
    if places.notes is not None and places.choices is not None:
        places.notes.markdown("\n\n".join(told))
        if run is not None:
            run_menu(places.choices, runs, run)
        places.choices.caption(_KEYS)
    with st.container(key="present-bar"):
        leaves = presenter(
            {one: scene.title for one, scene in SCENES.items()},
            name or next(iter(SCENES)),
            key="presenter",
            notes=notes,
            carried=_CARRIED,
            on_scene=_go,
            on_notes=lambda wanted: update_query_params(notes="1" if wanted else None),
        )
    if leaves:
        go_to("start")


def _scene_in_address() -> str | None:
    """The name of the scene; ``None`` where the address names one that there is not."""
    wanted = st.query_params.get("scene", next(iter(SCENES)))
    return wanted if wanted in SCENES else None


def _places(notes: bool) -> _Places:
    if not notes:
        return _Places(st.container(key="present-stage"))
    left, right = st.columns([11, 4], gap="medium")
    with right, st.container(key="present-panel"):
        # Notes stand first, though they are known last.
        told, choices = st.container(), st.container()
    return _Places(left.container(key="present-stage"), told, choices)


def _stage(run: Run | None, choices: DeltaGenerator | None) -> Stage:
    info = default_dataset() if run is None else find(run.experiment.data.dataset)
    return Stage(
        run=run,
        history=() if run is None else cache.store().epochs(run.id),
        info=info,
        names=class_names(info),
        panel=choices,
    )


def _render_scene(scene: Scene, stage: Stage) -> Sequence[str]:
    if scene.needs_run and stage.run is None:
        headline(scene.title)
        st.info(
            "Nothing has been trained here yet, so there is nothing to present in this scene.",
            icon=":material/info:",
        )
        with st.container(horizontal=True):
            link_to("train", "Train a network")
            render_restore_button()
        return ["The recorded run, which comes with cifarviz, has something for every scene."]
    return scene.show(stage)


def _go(scene: str, carried: Mapping[str, str]) -> None:
    update_query_params(**dict.fromkeys(_OF_A_SCENE), **carried, scene=scene)
