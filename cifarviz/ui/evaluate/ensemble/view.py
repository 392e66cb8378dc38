"""The Ensemble view: choose or train members, see how far they are, and how they vote."""

from collections.abc import Sequence

import streamlit as st

from cifarviz.analysis.members import Member, check_members
from cifarviz.errors import DataError, ExperimentInvalid
from cifarviz.experiment.member_seeds import FEWEST_MEMBERS
from cifarviz.ui import cache
from cifarviz.ui.address import escaped
from cifarviz.ui.errors import errors_shown
from cifarviz.ui.evaluate.ensemble.images import answers
from cifarviz.ui.evaluate.ensemble.one_image import one_image
from cifarviz.ui.evaluate.ensemble.picker import pick_members
from cifarviz.ui.evaluate.ensemble.progress import broken_off, runs_of, training_progress
from cifarviz.ui.evaluate.ensemble.results import results
from cifarviz.ui.evaluate.ensemble.training import training_panel
from cifarviz.ui.evaluate.ensemble.votes import votes
from cifarviz.ui.navigation import link_to


def ensemble_view() -> None:
    """Show all of it; what goes wrong in one part leaves the others usable."""
    runs = cache.store().all()
    members: tuple[Member, ...] = ()
    with errors_shown():
        members = pick_members(runs)
    if not members:
        st.info(
            "Several networks asked together are often right where one of them is wrong. Choose "
            "two or more above, or train them.",
            icon=":material/info:",
        )
    training_panel(runs, opened=not members)
    if not members:
        return
    with errors_shown():
        _voting(members)


def _voting(members: Sequence[Member]) -> None:
    runs = runs_of(members)
    if any(run.state.active for run in runs):
        training_progress(runs)
        return
    if len(members) < FEWEST_MEMBERS:
        _too_few(members)
        return
    if not broken_off(members):
        return
    try:
        found = votes(members)
    except DataError as error:
        st.error(escaped(str(error)), icon=":material/error:")
        link_to("start", "Get the images on the Start page")
        return
    if found is None:
        return
    ensemble, dataset = found
    results(members, ensemble, dataset)
    with errors_shown():
        answers(members, ensemble, dataset)
    with errors_shown():
        one_image(members, ensemble, dataset)


def _too_few(members: Sequence[Member]) -> None:
    """The rule in its own words; but nothing is wrong yet, while somebody is choosing."""
    try:
        check_members(cache.store(), members)
    except ExperimentInvalid as rule:
        st.info(escaped(str(rule)), icon=":material/info:")
