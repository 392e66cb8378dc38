"""Setup: an experiment from a preset to the button that trains it."""

from collections.abc import Mapping
from types import MappingProxyType

import streamlit as st

from cifarviz.data import library
from cifarviz.experiment.address import preset_draft
from cifarviz.experiment.assessment import Assessment, assess
from cifarviz.experiment.changes import changes
from cifarviz.experiment.draft import Draft
from cifarviz.experiment.presets import PRESETS
from cifarviz.experiment.run_names import run_name
from cifarviz.ui.address import quoted
from cifarviz.ui.errors import errors_shown
from cifarviz.ui.query import update_query_params, widget_key, widget_value
from cifarviz.ui.setup import draft as setup_draft
from cifarviz.ui.setup.forms import data_forms, training_forms
from cifarviz.ui.setup.launch import launch_panel
from cifarviz.ui.setup.layer_editor import layer_editor
from cifarviz.ui.setup.preset_panel import preset_panel
from cifarviz.ui.setup.stand_in import at_hand, with_data_checked
from cifarviz.ui.setup.tensorboard_check import with_tensorboard_checked
from cifarviz.ui.unbroken import unbroken

_PARTS: Mapping[str, str] = MappingProxyType(
    {"network": "Network", "data": "Data", "training": "Training"}
)
_PARTS_KEY = "part"


def setup_view() -> None:
    """Show the whole of Setup."""
    wanted = setup_draft.current_draft()
    setup_draft.keep(wanted)
    draft = at_hand(wanted)
    data = draft.section("data")
    train_images, test_images = library.image_counts(draft.dataset, data["variant"])
    assessment = with_data_checked(
        draft,
        with_tensorboard_checked(
            draft, assess(draft, train_images=train_images, test_images=test_images)
        ),
    )
    preset = preset_draft(draft.preset)
    made = changes(at_hand(preset), draft)
    story, launch = st.columns([3, 2], gap="large")
    with story:
        preset_panel(wanted, made)
    with launch, st.container(border=True, gap="xsmall"), errors_shown():
        # The sample is nobody's change, but what was trained on it should say so.
        default = run_name(PRESETS[draft.preset].title, changes(preset, draft))
        launch_panel(default, assessment, stands_in=draft is not wanted)
    _parts(draft, assessment, stands_in=draft is not wanted)


def _parts(draft: Draft, assessment: Assessment, *, stands_in: bool) -> None:
    """The forms in three tabs, of which the address holds the open one."""
    wanted = st.query_params.get("part", "network")
    if wanted not in _PARTS:
        st.error(
            f"Set up has no part {quoted(wanted)}: this is the first.", icon=":material/error:"
        )
        wanted = "network"
        update_query_params(part=wanted)
    shown = st.tabs(
        list(_PARTS.values()),
        default=_PARTS[wanted],
        key=widget_key(_PARTS_KEY, _PARTS[wanted]),
        on_change=unbroken(_opened),
    )
    for part, tab in zip(_PARTS, shown, strict=True):
        if not tab.open:
            continue
        with tab:
            if part == "network":
                layer_editor(draft, assessment.trace)
            elif part == "data":
                data_forms(draft, assessment, stands_in=stands_in)
            else:
                training_forms(draft, assessment)


def _opened() -> None:
    title = widget_value(_PARTS_KEY)
    update_query_params(part=next(part for part, words in _PARTS.items() if words == title))
