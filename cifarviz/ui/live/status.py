"""The figures of a run under way: epoch, step, speed, time left, best epoch so far."""

import streamlit as st

from cifarviz.runs.records import Run
from cifarviz.runs.states import RunState
from cifarviz.ui.live.words import best_words, elapsed
from cifarviz.ui.runs.rows import in_time

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
    spent = elapsed(run)
    at_work = progress if run.state is RunState.RUNNING else None
    left = at_work.seconds_left if at_work else None
    speed = at_work.images_per_second if at_work else run.images_per_second
    figures = [
        ("Epoch", f"{epoch} of {epochs}", "How often it has seen all training images."),
        (
            "Step",
            f"{in_epoch:,} of {per_epoch:,}" if per_epoch else _UNKNOWN,
            "Steps of the weights in this epoch, one a batch.",
        ),
        ("Images a second", f"{speed:,.0f}" if speed else _UNKNOWN, "Training images a second."),
        (
            "Time so far" if run.state.active else "Time taken",
            in_time(spent) if spent is not None else _UNKNOWN,
            "At work on this run, over all its turns; pauses are left out.",
        ),
        ("Best epoch so far" if run.state.active else "Best epoch", *_best(run)),
    ]
    if run.state.active:
        remaining = in_time(left) if left is not None else _UNKNOWN
        figures.insert(3, ("Time left", remaining, "At the speed of now."))
    for place, (label, value, hint) in zip(st.columns(len(figures)), figures, strict=True):
        # Not st.metric: its figures are so large that they are cut off.
        with place.container(gap=None):
            st.caption(label, help=hint)
            st.markdown(f"##### {value}")


def _best(run: Run) -> tuple[str, str]:
    if run.best_epoch is None:
        return _UNKNOWN, "Known after the first epoch."
    if run.best_val_accuracy is None:
        return str(run.best_epoch), f"The epoch with the {best_words(run)}."
    return (
        f"{run.best_epoch} ({run.best_val_accuracy:.1%})",
        f"The epoch with the {best_words(run)}; in brackets the highest validation accuracy.",
    )
