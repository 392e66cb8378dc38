"""Pressing Train: the name of the run, how long it will take, and why it can't be pressed yet."""

from collections.abc import Sequence

import streamlit as st

from cifarviz.experiment.assessment import Assessment
from cifarviz.experiment.changes import Change
from cifarviz.experiment.experiment import Experiment, Sizes
from cifarviz.runs.machine import machine_name
from cifarviz.runs.records import Run
from cifarviz.training.estimate import Work, estimate_epoch, recorded_speeds
from cifarviz.ui import cache
from cifarviz.ui.address import escaped
from cifarviz.ui.errors import errors_shown
from cifarviz.ui.navigation import go_to, link_to
from cifarviz.ui.setup.estimate_words import basis, span

_LONGEST_NAME = 60
_MOST_REASONS = 4


def launch_panel(
    preset: str, made: Sequence[Change], assessment: Assessment, *, data_here: bool
) -> None:
    """Show the panel; goes to Watch when Train is pressed and the run is queued."""
    runs = cache.store().all()
    default = _default_name(preset, made, runs)
    name = st.text_input(
        "Name of the run",
        placeholder=default,
        max_chars=100,
        key="run-name",
        autocomplete="off",
        help="How this run is called on the other pages; left empty, it gets the name shown here.",
    )
    pressed = st.button(
        "Train",
        type="primary",
        icon=":material/play_arrow:",
        key="train",
        disabled=assessment.experiment is None or not data_here,
        width="stretch",
    )
    if assessment.experiment is None or assessment.sizes is None:
        _say_why_not(assessment.reasons)
    elif not data_here:
        st.warning(
            "The full set is not on this machine, so this cannot be trained yet: get it on the "
            "Start page, or choose the embedded sample under Data.",
            icon=":material/download:",
        )
        link_to("start", "Get the full set")
    else:
        _show_estimate(assessment.experiment, assessment.sizes, runs)
        _say_who_is_before([run for run in runs if run.state.active])
        if pressed:
            with errors_shown():
                run = cache.worker().submit(assessment.experiment, (name or "").strip() or default)
                go_to("train", view="watch", run=run.id)


def _say_why_not(reasons: Sequence[str]) -> None:
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


def _default_name(preset: str, made: Sequence[Change], runs: Sequence[Run]) -> str:
    """The preset and what is different, if that is short; with a number if the name is taken."""
    name = ", ".join([preset, *(change.short for change in made)])
    if len(name) > _LONGEST_NAME:
        name = f"{preset}, {len(made)} changes"
    taken = {run.name for run in runs}
    number, free = 2, name
    while free in taken:
        free, number = f"{name} ({number})", number + 1
    return free


def _show_estimate(experiment: Experiment, sizes: Sizes, runs: Sequence[Run]) -> None:
    work = Work(
        operations=experiment.architecture.trace().operations,
        batch_size=experiment.batch_size,
        precision="bfloat16" if experiment.precision == "bfloat16" else "float32",
        train_images=sizes.train,
        validation_images=sizes.validation,
    )
    estimate = estimate_epoch(work, recorded_speeds(runs, machine_name()))
    epoch = span(estimate)
    whole = (
        ""
        if experiment.epochs == 1
        else f", {span(estimate, experiment.epochs)} for all {experiment.epochs} epochs"
    )
    st.markdown(f"**{epoch[:1].upper()}{epoch[1:]} an epoch**{whole}.")
    st.caption(basis(estimate, work.precision))
