"""The embedded sample, where the full set that was chosen isn't on this machine.

That is nobody's change: the draft goes on wanting the full set, and so does its address, which
somebody else may open. As soon as the full set is here, it is used.
"""

from dataclasses import replace

import streamlit as st

from cifarviz.data import library
from cifarviz.datasets.info import DatasetInfo, Variant
from cifarviz.experiment.assessment import Assessment
from cifarviz.experiment.draft import Draft
from cifarviz.ui import cache
from cifarviz.ui.navigation import link_to


def at_hand(draft: Draft) -> Draft:
    """``draft`` with what can be trained on here in place of a full set that isn't."""
    data = draft.section("data")
    variant = variant_at_hand(draft.dataset, data["variant"])
    if variant == data["variant"]:
        return draft
    return draft.with_value("data", {**data, "variant": variant})


def variant_at_hand(dataset: str | DatasetInfo, wanted: Variant) -> Variant:
    """``wanted``, or the sample where the full set is not here and there is a sample."""
    here = library.variants_here(dataset, cache.settings())
    return here[0] if here and wanted not in here else wanted


def with_data_checked(draft: Draft, assessment: Assessment) -> Assessment:
    """``assessment`` with what there is to do where nothing of the data set is here."""
    info = draft.dataset
    if library.variants_here(info, cache.settings()):
        return assessment
    problem = f"{info.title} is not on this machine. {library.how_to_fetch(info)}"
    problems = {**assessment.problems, "data": problem}
    return replace(assessment, problems=problems, experiment=None, sizes=None)


def show_stand_in() -> None:
    """Say it in a sentence, with the way to the full set."""
    st.caption("The full set is not here yet: the embedded sample is used.")
    link_to("start", "Get the full set")
