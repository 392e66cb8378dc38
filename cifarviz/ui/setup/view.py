"""Setup: an experiment from a preset to the button that trains it."""

from collections.abc import Mapping
from types import MappingProxyType

import streamlit as st

from cifarviz.data import library
from cifarviz.data.datasets import DATASETS
from cifarviz.experiment.address import preset_draft
from cifarviz.experiment.assessment import Assessment, assess
from cifarviz.experiment.changes import Change, changes
from cifarviz.experiment.draft import Draft
from cifarviz.experiment.presets import PRESETS
from cifarviz.ui import cache, state
from cifarviz.ui.address import escaped, quoted
from cifarviz.ui.errors import errors_shown
from cifarviz.ui.setup import draft as setup_draft
from cifarviz.ui.setup.forms import data_forms, training_forms
from cifarviz.ui.setup.launch import launch_panel
from cifarviz.ui.setup.layer_editor import layer_editor

_PARTS: Mapping[str, str] = MappingProxyType(
    {"network": "Network", "data": "Data", "training": "Training"}
)


def setup_view() -> None:
    """Show the whole of Setup."""
    draft = setup_draft.current_draft()
    setup_draft.keep(draft)
    data = draft.section("data")
    info = DATASETS[data["dataset"]]
    status = library.status(info.name, cache.settings())
    full = data["variant"] == "full"
    assessment = assess(
        draft,
        train_images=info.train_images if full else status.sample_train,
        test_images=info.test_images if full else status.sample_test,
    )
    made = changes(preset_draft(draft.preset), draft)
    story, launch = st.columns([3, 2], gap="large")
    with story:
        _preset_picker(draft, made)
    with launch, st.container(border=True), errors_shown():
        launch_panel(draft.preset, made, assessment, data_here=not full or status.full_available)
    _parts(draft, assessment)


def _parts(draft: Draft, assessment: Assessment) -> None:
    """The forms in three tabs, of which the address holds the open one."""
    wanted = st.query_params.get("part", "network")
    if wanted not in _PARTS:
        st.error(
            f"Set up has no part {quoted(wanted)}: this is the first.", icon=":material/error:"
        )
        st.query_params["part"] = "network"
    shown = st.tabs(
        list(_PARTS.values()),
        default=_PARTS.get(wanted),
        key="part",
        on_change=_opened,
    )
    for part, tab in zip(_PARTS, shown, strict=True):
        if not tab.open:
            continue
        with tab:
            if part == "network":
                layer_editor(draft, assessment.trace)
            elif part == "data":
                data_forms(draft, assessment)
            else:
                training_forms(draft, assessment)


def _opened() -> None:
    title = state.get("part")
    st.query_params["part"] = next(part for part, words in _PARTS.items() if words == title)


def _preset_picker(draft: Draft, made: tuple[Change, ...]) -> None:
    key = f"{draft.generation}-preset"
    st.selectbox(
        "Preset",
        tuple(PRESETS),
        index=tuple(PRESETS).index(draft.preset),
        format_func=lambda name: f"{PRESETS[name].title} ({name})",
        key=key,
        on_change=lambda: setup_draft.begin(state.get(key)),
        help="A published experiment to start from; choosing one replaces what is set up below.",
    )
    preset = PRESETS[draft.preset]
    st.markdown(preset.story)
    st.caption(_published(draft.preset))
    if not made:
        st.caption("Nothing is changed against the preset.")
        return
    st.markdown(
        "**Changed against the preset:** " + escaped(" · ".join(change.text for change in made))
    )
    st.button(
        "Undo all changes",
        key="undo-changes",
        type="tertiary",
        icon=":material/undo:",
        on_click=setup_draft.begin,
        args=(draft.preset,),
    )


def _published(name: str) -> str:
    published, experiment = PRESETS[name].published, PRESETS[name].experiment
    history = published["history"]
    last = history[-1]
    best = min(history, key=lambda row: row[3])
    words = [
        f"Published in {published['year']}: {published['parameters']:,} parameters, batches of "
        f"{experiment.batch_size}",
        f"after epoch {last[0]}, training accuracy {last[2]:.1%} and validation {last[4]:.1%}",
    ]
    if best is not last and len(history) > 2:
        words.append(f"lowest validation loss {best[3]:.4f} after epoch {best[0]}")
    if published["seconds_an_epoch"]:
        low, high = published["seconds_an_epoch"]
        words.append(f"{low} to {high} s an epoch on the authors' machine")
    return "; ".join(words) + "."
