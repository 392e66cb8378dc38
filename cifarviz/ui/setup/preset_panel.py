"""The top of Setup: which preset it starts from, and what was changed since."""

from collections.abc import Sequence

import streamlit as st

from cifarviz.experiment.address import pack_changes
from cifarviz.experiment.against_published import in_way, nearest_way
from cifarviz.experiment.changes import Change
from cifarviz.experiment.draft import Draft, draft_of
from cifarviz.experiment.presets import PRESETS, Preset
from cifarviz.ui.address import escaped
from cifarviz.ui.changed_line import changed_line
from cifarviz.ui.navigation import link_to
from cifarviz.ui.query import widget_key, widget_value
from cifarviz.ui.setup import draft as setup_draft
from cifarviz.ui.setup.preset_words import published_words
from cifarviz.ui.unbroken import unbroken


def preset_panel(draft: Draft, made: Sequence[Change]) -> None:
    """Show the choice of a preset, its story, and the changes ``made`` against it."""
    key = f"{draft.generation}-preset"
    st.selectbox(
        "Preset",
        tuple(PRESETS),
        index=tuple(PRESETS).index(draft.preset),
        format_func=lambda name: f"{PRESETS[name].title} ({name})",
        key=widget_key(key, draft.preset),
        on_change=unbroken(lambda: setup_draft.begin(widget_value(key))),
        help="An experiment to start from; choosing one replaces what is set up below.",
    )
    preset = PRESETS[draft.preset]
    with st.container(gap="xsmall", key="preset-story"):
        st.markdown(f":small[{preset.story}]")
        st.caption(published_words(preset))
        for note in preset.notes:
            st.caption(f":material/info: {escaped(note)}")
        if preset.variants:
            _ways(draft, preset)
        _changes(draft, made)


def _ways(draft: Draft, preset: Preset) -> None:
    """What else the preset can be run as, and as the ensemble that it is a member of."""
    with st.container(horizontal=True, vertical_alignment="center"):
        for variant in preset.variants:
            chosen = draft.plain() == draft_of(variant.experiment, preset.name).plain()
            st.button(
                variant.title,
                key=f"variant-{variant.name}",
                icon=":material/check:" if chosen else ":material/history_edu:",
                help=variant.text,
                disabled=chosen,
                on_click=unbroken(setup_draft.begin),
                args=(preset.name, variant.name),
            )
        if preset.members > 1:
            link_to(
                "evaluate",
                f"A real ensemble: {preset.members} members from {preset.members} seeds",
                ":material/groups:",
                view="ensemble",
                preset=preset.name,
                way="seeds",
                **_changed(draft),
            )
    _say_what_train_does(draft, preset)


def _changed(draft: Draft) -> dict[str, str]:
    """What was changed here, for the members: whichever way of the preset it was changed in."""
    packed = pack_changes(in_way(draft, None))
    return {} if packed is None else {"changes": packed}


def _say_what_train_does(draft: Draft, preset: Preset) -> None:
    way = nearest_way(draft)
    if way is not None:
        said = (
            "Train here trains one network whose answers after several of its epochs vote, on the "
            "Evaluate page, under Ensemble."
        )
    elif preset.members > 1:
        said = (
            f"Train here trains one network, a single one of the ensemble’s {preset.members}; the "
            "real ensemble trains them all."
        )
    else:
        return
    st.caption(f":material/info: {said}")


def _changes(draft: Draft, made: Sequence[Change]) -> None:
    if not made:
        st.caption("Nothing is changed against the preset.")
        return
    with changed_line(made):
        st.button(
            "Undo all changes",
            key="undo-changes",
            type="tertiary",
            icon=":material/undo:",
            on_click=unbroken(setup_draft.begin),
            args=(draft.preset,),
        )
