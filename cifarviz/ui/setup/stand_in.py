"""The embedded sample, where the full set that was chosen isn't on this machine.

That is nobody's change: the draft goes on wanting the full set, and so does its address, which
somebody else may open. As soon as the full set is here, it is used.
"""

import streamlit as st

from cifarviz.data import library
from cifarviz.experiment.draft import Draft
from cifarviz.ui import cache
from cifarviz.ui.navigation import link_to


def at_hand(draft: Draft) -> Draft:
    """``draft`` with what can be trained on here in place of a full set that isn't."""
    data = draft.section("data")
    if data["variant"] != "full" or has_full_set(data["dataset"]):
        return draft
    return draft.with_value("data", {**data, "variant": "sample"})


def has_full_set(dataset: str) -> bool:
    """Whether the full set is on this machine."""
    return library.status(dataset, cache.settings()).full_available


def show_stand_in() -> None:
    """Say it in a sentence, with the way to the full set."""
    st.caption("The full set is not here yet: the embedded sample is used.")
    link_to("start", "Get the full set")
