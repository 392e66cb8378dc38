"""Sentences on runs whose imported images are gone, and on runs missing from the index."""

from collections.abc import Sequence

import streamlit as st

from cifarviz.errors import CifarvizError
from cifarviz.people.person import is_teacher
from cifarviz.runs.records import Run
from cifarviz.runs.run_data import find_data_problem, has_images
from cifarviz.runs.unlisted import unlisted_message
from cifarviz.ui import cache
from cifarviz.ui.address import escaped
from cifarviz.ui.server_paths import hide_home

_MOST_SENTENCES = 5


def render_data_problem(run: Run) -> bool:
    """Show a sentence if the images a run was trained on are gone or have changed.

    Returns whether its test images are: then it can't be shown with images of its data set.
    """
    problem = find_data_problem(run, cache.settings())
    if problem is not None:
        _render(problem)
    return not has_images(run, cache.settings(), "test")


def render_data_problems(runs: Sequence[Run]) -> None:
    """Show such a sentence for each of the first runs that need one; damaged runs are skipped."""
    problems = []
    for run in runs:
        try:
            problems.append(find_data_problem(run, cache.settings()))
        except CifarvizError:
            # Its damage is reported elsewhere.
            continue
    for problem in [text for text in problems if text is not None][:_MOST_SENTENCES]:
        _render(problem)


def render_unlisted_runs() -> None:
    """Show a sentence if there are files of runs that the index does not list."""
    if is_teacher() and (message := unlisted_message(cache.store())):
        st.warning(escaped(hide_home(message, cache.settings())), icon=":material/warning:")


def _render(problem: str) -> None:
    st.warning(escaped(problem), icon=":material/hide_image:")
