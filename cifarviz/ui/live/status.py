"""The figures of a run under way: epoch, step, speed, time left, best epoch so far."""

import streamlit as st

from cifarviz.runs.records import Run
from cifarviz.runs.run_headline import (
    best_criterion,
    format_duration,
    headline,
    highest,
    time_at_work,
)
from cifarviz.runs.states import RunState
from cifarviz.ui.earlier_losses import show_earlier_losses_of_curves
from cifarviz.ui.figure_row import Figure, figure_row

_UNKNOWN = "–"


def live_status(run: Run) -> None:
    """Show a bar of how far the run is, and its figures in a row."""
    progress = run.progress
    epochs = run.experiment.epochs
    step, per_epoch = (progress.step, progress.steps_per_epoch) if progress else (0, 0)
    if run.state is RunState.FINISHED:
        # Also one that stopped early has nothing left to do.
        st.progress(1.0)
    else:
        st.progress(min(1.0, step / (per_epoch * epochs)) if per_epoch else 0.0)
    epoch = progress.epoch if progress and progress.epoch else run.epochs_done
    in_epoch = step - max(epoch - 1, 0) * per_epoch
    spent = time_at_work(run)
    at_work = progress if run.state is RunState.RUNNING else None
    left = at_work.seconds_left if at_work else None
    speed = at_work.images_per_second if at_work else run.images_per_second
    figures = [
        Figure("Epoch", f"{epoch} of {epochs}", "How often it has seen all training images."),
        Figure(
            "Step",
            f"{in_epoch:,} of {per_epoch:,}" if per_epoch else _UNKNOWN,
            "Steps of the weights in this epoch, one a batch.",
        ),
        Figure(
            "Images a second", f"{speed:,.0f}" if speed else _UNKNOWN, "Training images a second."
        ),
        Figure(
            "Time at work",
            format_duration(spent) if spent is not None else _UNKNOWN,
            "At work on this run, over all its turns; pauses are left out.",
        ),
        _best(run),
    ]
    if run.state.active:
        remaining = format_duration(left) if left is not None else _UNKNOWN
        figures.insert(3, Figure("Time left", remaining, "At the speed of now."))
    figure_row(figures)
    # There also while it is empty: what follows keeps its place, and a zoomed chart its zoom.
    with st.container():
        if run.precision is not None:
            reason = run.precision_reason or f"{run.precision}, as was asked for."
            st.caption(f"Precision: {reason}")
        show_earlier_losses_of_curves({}, [run])


def _best(run: Run) -> Figure:
    label = "Best epoch so far" if run.state.active else "Best epoch"
    if run.best_epoch is None:
        return Figure(label, _UNKNOWN, "Known after the first epoch.")
    hint = f"The epoch with the {best_criterion(run)}; below, its validation accuracy."
    if top := highest(run):
        hint += f" The highest of all: {top}."
    return Figure(label, str(run.best_epoch), hint, headline(run))
