"""Which experiment Setup shows: one draft a browser session, in step with the address.

The address holds the preset and, packed, what was changed against it; a run in it
(``view=setup&run=…``) asks for that run's experiment. What a person does changes the draft, and
the draft the address; an address that comes from elsewhere (a link, the browser's Back)
replaces the draft.
"""

import time
from math import inf
from typing import Final

import streamlit as st

from cifarviz.errors import ExperimentInvalid, RunError, StoreError
from cifarviz.experiment.address import pack_changes, preset_draft, unpack_changes
from cifarviz.experiment.draft import Draft, draft_of
from cifarviz.experiment.presets import PRESETS
from cifarviz.ui import cache, state
from cifarviz.ui.address import escaped
from cifarviz.ui.streamlit_patches import is_history_navigation

# A run of the page may still carry the address that the one before has just replaced. For so many
# seconds such an address is an echo, not somebody's wish.
_ECHO = 10.0

PARTS_KEY: Final = "part"  # the tabs of Setup, by which it knows whether it was there before


def current_draft() -> Draft:
    """The draft to show; says in a sentence what of the address could not be followed."""
    memory = state.setup_memory()
    asked = (st.query_params.get("preset"), st.query_params.get("changes"))
    run_id = st.query_params.get("run")
    if not state.is_kept(PARTS_KEY):
        # From another page or a link, an old address is somebody's wish.
        memory.replaced.clear()
    replaced_lately = time.monotonic() - memory.replaced.get(asked, -inf) < _ECHO
    echo = asked == memory.address or (replaced_lately and not is_history_navigation())
    if memory.draft is not None and run_id is None and (echo or asked == (None, None)):
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
    memory.draft = draft
    address = (draft.preset, pack_changes(draft))
    if memory.address is not None and memory.address != address:
        memory.replaced = {
            old: when for old, when in memory.replaced.items() if time.monotonic() - when < _ECHO
        }
        memory.replaced[memory.address] = time.monotonic()
    memory.replaced.pop(address, None)
    memory.address = address
    wanted = {"preset": draft.preset, "changes": address[1], "run": None}
    if any(st.query_params.get(name) != value for name, value in wanted.items()):
        others = {k: v for k, v in st.query_params.to_dict().items() if k not in wanted}
        # At once, so that the browser's Back has one step for one change.
        st.query_params.from_dict({**others, **{k: v for k, v in wanted.items() if v is not None}})


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
                f"There is no preset “{preset[:40]}”, so the first one is shown; choose another "
                "below."
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
