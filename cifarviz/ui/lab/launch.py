"""One click that queues all runs of an experiment; before it, what it will train and how long."""

from collections.abc import Sequence

import streamlit as st

from cifarviz.datasets.registry import find
from cifarviz.experiment.lab.entrants import Entry
from cifarviz.experiment.sizes import Sizes
from cifarviz.runs.machine import machine_name
from cifarviz.runs.records import Run
from cifarviz.training.entry_queue import queue_entry
from cifarviz.training.estimate import Estimate, estimate_epoch, recorded_speeds, work_of
from cifarviz.ui import cache
from cifarviz.ui.address import escaped
from cifarviz.ui.lab.forms import image_counts
from cifarviz.ui.query import update_query_params
from cifarviz.ui.queue_once import queue_once
from cifarviz.ui.setup.estimate_words import basis, span

# Seconds a run takes beside its epochs, to build and trace the network: measured on 2 cores.
_START = (1.5, 4.0)


def launch(entry: Entry, *, again: bool) -> None:
    """Show what would be trained, and the button that does it.

    Raises ``ExperimentInvalid`` where there are too few images for it.
    """
    train, test = image_counts(entry.entrants[0].experiment.data)
    sizes = [one.experiment.sizes(train, test) for one in entry.entrants]
    runs = cache.store().all()
    estimate, per_epoch = _estimate(entry, sizes, runs)
    st.markdown(f"{_what(entry, sizes)}: **{span(estimate)} in all**.")
    st.caption(basis(per_epoch, "float32"))
    waiting = [run for run in runs if run.state.active]
    if waiting:
        more = f" and {len(waiting) - 1} more" if len(waiting) > 1 else ""
        st.caption(
            f":material/hourglass_top: They wait for “{escaped(waiting[-1].name)}”{more}: one run "
            "trains at a time."
        )
    count = len(entry.entrants)
    if st.button(
        f"Train {'both' if count == 2 else f'all {count}'}{' once more' if again else ''}",
        key="lab-train",
        type="secondary" if again else "primary",
        icon=":material/play_arrow:",
        help="Queues all runs; they train one after another, and are drawn over each other here.",
    ):
        worker = cache.worker()
        series = queue_once(
            (
                "lab",
                entry.title,
                *((one.label, one.experiment.to_json()) for one in entry.entrants),
            ),
            lambda: queue_entry(worker, entry),
            lambda made: made.run_ids,
        )
        update_query_params(series=series.id, gallery=None, picture=None)
        st.rerun()


def _what(entry: Entry, sizes: Sequence[Sizes]) -> str:
    one = entry.entrants[0].experiment
    images = sorted({size.train for size in sizes})
    counted = (
        f"{images[0]:,} training images"
        if len(images) == 1
        else f"{images[0]:,} to {images[-1]:,} training images"
    )
    variant = "" if one.data.variant == "full" else "the sample of "
    return (
        f"Trains {len(entry.entrants)} runs one after another, {one.epochs} epochs each at most, "
        f"on {counted} of {variant}{find(one.data.dataset).title}, from seed {one.seed}, and "
        f"measures each on {sizes[0].validation:,} test images"
    )


def _estimate(
    entry: Entry, sizes: Sequence[Sizes], runs: Sequence[Run]
) -> tuple[Estimate, Estimate]:
    """Of all runs from beginning to end, and of an epoch of the first."""
    speeds = recorded_speeds(runs, machine_name())
    each = [
        estimate_epoch(work_of(one.experiment, size.train, size.validation), speeds)
        for one, size in zip(entry.entrants, sizes, strict=True)
    ]
    epochs = [one.experiment.epochs for one in entry.entrants]
    low, high = (
        sum(n * getattr(e, end) + start for n, e in zip(epochs, each, strict=True))
        for end, start in (("low", _START[0]), ("high", _START[1]))
    )
    return Estimate(low, high, each[0].runs, each[0].same), each[0]
