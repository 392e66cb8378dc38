"""Which experiment Setup shows: one draft a browser session, in step with the address.

The address holds the preset and, packed, what was changed against it; a run in it
(``view=setup&run=…``) asks for that run's experiment. What a person does changes the draft, and
the draft the address; an address that comes from elsewhere (a link, the browser's Back)
replaces the draft.
"""

import streamlit as st

from cifarviz.errors import ExperimentInvalid, RunError, StoreError
from cifarviz.experiment.address import pack_changes, preset_draft, unpack_changes
from cifarviz.experiment.draft import Draft, draft_of
from cifarviz.experiment.presets import PRESETS
from cifarviz.ui import cache, state
from cifarviz.ui.address import escaped
from cifarviz.ui.query import update_query_params
from cifarviz.ui.streamlit_patches import uninterruptible


def current_draft() -> Draft:
    """The draft to show; says in a sentence what of the address could not be followed."""
    memory = state.setup_memory()
    asked = (st.query_params.get("preset"), st.query_params.get("changes"))
    run_id = st.query_params.get("run")
    if memory.draft is not None and run_id is None and asked in (memory.address, (None, None)):
        return memory.draft
    memory.drafts_begun += 1
    memory.open_layer = None
    return _asked_for(*asked, run_id, memory.drafts_begun)


def begin(preset: str, variant: str | None = None) -> None:
    """A fresh draft of a preset or of a variant of it, in place of the one there is."""
    memory = state.setup_memory()
    memory.drafts_begun += 1
    memory.open_layer = None
    memory.draft = preset_draft(preset, memory.drafts_begun)
    for other in PRESETS[preset].variants:
        if other.name == variant:
            memory.draft = draft_of(other.experiment, preset, memory.drafts_begun)


def keep(draft: Draft) -> None:
    """Make ``draft`` the session's, and put it into the address."""
    memory = state.setup_memory()
    packed = pack_changes(draft)
    # A press that comes meanwhile must not find the new draft beside the old address: the draft
    # would be made anew from that.
    with uninterruptible():
        memory.draft = draft
        memory.address = (draft.preset, packed)
        update_query_params(preset=draft.preset, changes=packed, run=None)


def _asked_for(preset: str | None, changes: str | None, run_id: str | None, number: int) -> Draft:
    try:
        if run_id is not None:
            return _of_run(run_id, number)
        if preset is None:
            if changes is not None:
                raise ExperimentInvalid(
                    "The address holds changes, but not the preset that they were made to, so the "
                    "first preset is shown. If you copied the address, copy it whole."
                )
            return preset_draft(next(iter(PRESETS)), number)
        if preset not in PRESETS:
            raise ExperimentInvalid(
                "There is no preset “{preset}”, so the first one is shown; choose another below.",
                preset=preset[:40],
            )
        if changes is not None:
            return unpack_changes(preset, changes, number)
    except (ExperimentInvalid, RunError, StoreError) as error:
        st.error(escaped(str(error)), icon=":material/error:")
        if preset is None or preset not in PRESETS:
            preset = next(iter(PRESETS))
    return preset_draft(preset, number)


def _of_run(run_id: str, number: int) -> Draft:
    run = cache.store().get(run_id)
    # In the precision that was found for it, so that what is trained next differs from it only in
    # what is changed.
    experiment = run.trained_experiment
    preset = experiment.preset
    if preset is None or preset not in PRESETS:
        preset = next(iter(PRESETS))
    st.toast(f"These are the choices of “{escaped(run.name)}”.", icon=":material/content_copy:")
    return draft_of(experiment, preset, number)
