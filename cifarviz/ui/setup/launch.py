"""Pressing Train: the name of the run, how long it will take, and why it can't be pressed yet."""

from collections.abc import Sequence

import streamlit as st

from cifarviz.experiment.assessment import Assessment
from cifarviz.experiment.experiment import Experiment, Sizes
from cifarviz.experiment.run_names import free_name
from cifarviz.runs.curation import LONGEST_NAME
from cifarviz.runs.machine import machine_name
from cifarviz.runs.records import Run
from cifarviz.training.estimate import estimate_epoch, recorded_speeds, work_of
from cifarviz.ui import cache
from cifarviz.ui.address import escaped
from cifarviz.ui.errors import errors_shown
from cifarviz.ui.navigation import go_to
from cifarviz.ui.queue_once import queue_once
from cifarviz.ui.setup.estimate_words import basis, span
from cifarviz.ui.setup.stand_in import show_stand_in

_MOST_REASONS = 4


def launch_panel(default: str, assessment: Assessment, *, stands_in: bool) -> None:
    """Show the panel; goes to Watch when Train is pressed and the run is queued.

    ``default`` names the run if nobody does, with a number if there is such a run already.
    ``stands_in``: the sample is used for want of the full set.
    """
    runs = cache.store().all()
    default = free_name(default, {run.name for run in runs})
    name = st.text_input(
        "Name of the run",
        placeholder=default,
        max_chars=LONGEST_NAME,
        key="run-name",
        autocomplete="off",
        help="How this run is called on the other pages; left empty, it gets the name shown here.",
    )
    pressed = st.button(
        "Train",
        type="primary",
        icon=":material/play_arrow:",
        key="train",
        disabled=assessment.experiment is None,
        width="stretch",
    )
    if assessment.experiment is None or assessment.sizes is None:
        _say_why_not(assessment.reasons)
    else:
        _show_estimate(assessment.experiment, assessment.sizes, runs)
        _say_who_is_before([run for run in runs if run.state.active])
        if pressed:
            with errors_shown():
                run = _queued(assessment.experiment, (name or "").strip(), default)
                go_to("train", view="watch", run=run.id)
    if stands_in:
        show_stand_in()


def _queued(experiment: Experiment, typed: str, default: str) -> Run:
    worker = cache.worker()
    return queue_once(
        ("run", experiment.to_json(), typed),
        lambda: worker.submit(experiment, typed or default),
        lambda made: [made.id],
    )


def _say_why_not(reasons: Sequence[str]) -> None:
    if len(reasons) == 1:
        st.error(f"This cannot be trained yet. {escaped(reasons[0])}", icon=":material/error:")
        return
    shown = [f"- {escaped(reason)}" for reason in reasons[:_MOST_REASONS]]
    if len(reasons) > _MOST_REASONS:
        shown.append(f"- … and {len(reasons) - _MOST_REASONS} more.")
    st.error("This cannot be trained yet:\n" + "\n".join(shown), icon=":material/error:")


def _say_who_is_before(active: Sequence[Run]) -> None:
    if active:
        more = f" and {len(active) - 1} more" if len(active) > 1 else ""
        st.caption(
            f":material/hourglass_top: A new run waits for “{escaped(active[-1].name)}”{more}: one "
            "trains at a time."
        )


def _show_estimate(experiment: Experiment, sizes: Sizes, runs: Sequence[Run]) -> None:
    work = work_of(experiment, sizes.train, sizes.validation)
    estimate = estimate_epoch(work, recorded_speeds(runs, machine_name()))
    epoch = span(estimate)
    whole = (
        ""
        if experiment.epochs == 1
        else f", {span(estimate, experiment.epochs)} for all {experiment.epochs} epochs"
    )
    st.markdown(f"**{epoch[:1].upper()}{epoch[1:]} an epoch**{whole}.")
    st.caption(basis(estimate, work.precision))
