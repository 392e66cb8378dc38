"""Choosing an epoch of a run on its curves; the address holds it as ``epoch``."""

from collections.abc import Iterable, Sequence
from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cifarviz.runs import stored_weights
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import SnapshotKind, WeightsChoice, snapshot_epochs
from cifarviz.runs.store import RunStore
from cifarviz.ui import cache
from cifarviz.ui.address import quoted, whole_number
from cifarviz.ui.components.epoch_slider import Curves, epoch_slider
from cifarviz.ui.components.live_items import rerun_on_change
from cifarviz.ui.query import fill_query_param, update_query_params


def epoch_label(epoch: int) -> str:
    """Return when an epoch's weights were those of the network: ``after epoch 3``."""
    return "before training" if epoch == 0 else f"after epoch {epoch}"


def epochs_with_weights(run: Run) -> dict[int, WeightsChoice]:
    """Return the epochs with saved weights, ascending, and which weights to load."""
    return stored_weights.epochs_with_weights(cache.store().folder(run.id), run)


def inspectable_epochs(run: Run, image: int | None) -> dict[int, WeightsChoice]:
    """Return ``epochs_with_weights`` plus the epochs with saved maps of this test image."""
    folder = cache.store().folder(run.id)
    found: dict[int, WeightsChoice] = {
        epoch: epoch
        for epoch in snapshot_epochs(folder, "maps")
        if epoch <= run.epochs_done and image in cache.images_with_maps(run, epoch)
    }
    return dict(sorted({**found, **epochs_with_weights(run)}.items()))


def images_with_any_maps(run: Run) -> set[int]:
    """Return the indices of the test images with saved feature maps of any epoch."""
    epochs = snapshot_epochs(cache.store().folder(run.id), "maps")
    done = (epoch for epoch in epochs if epoch <= run.epochs_done)
    return {index for epoch in done for index in cache.images_with_maps(run, epoch)}


def epochs_with_predictions(run: Run) -> list[int]:
    """Return the epochs with saved predictions for the validation images."""
    kept = snapshot_epochs(cache.store().folder(run.id), "predictions")
    return [epoch for epoch in kept if epoch <= run.epochs_done]


def has_inspectable_epochs(run: Run) -> bool:
    """Return whether there are saved weights or feature maps of any epoch, 0 included."""
    return _has_snapshots(run, "weights", "maps", since=0)


def has_evaluable_epochs(run: Run) -> bool:
    """Return whether there are saved predictions or weights of any finished epoch."""
    return _has_snapshots(run, "predictions", "weights", since=1)


def has_saved_weights(run: Run) -> bool:
    """Return whether there are saved weights of any epoch, 0 included."""
    return _has_snapshots(run, "weights", since=0)


def _has_snapshots(run: Run, *kinds: SnapshotKind, since: int) -> bool:
    if run.damage is not None:
        return False
    folder = cache.store().folder(run.id)
    found = (epoch for kind in kinds for epoch in snapshot_epochs(folder, kind))
    return any(since <= epoch <= run.epochs_done for epoch in found)


def epoch_slider_container() -> DeltaGenerator:
    """Return the container of the slider, which stays visible (assets/style.css)."""
    # What the page scrolls to must not lie below it.
    st.html("<style>.stMain { scroll-padding-top: 10.25rem; }</style>")
    return st.container(key="epochs")


def nearest_epoch(epochs: Iterable[int], wanted: int) -> int:
    """Return the epoch nearest to ``wanted``; the earlier of two. ``epochs`` ascend."""
    return min(epochs, key=lambda epoch: abs(epoch - wanted))


def epoch_from_query(epochs: Sequence[int], otherwise: int | None = None) -> int:
    """Return the epoch in the address, or the nearest available with a warning.

    Without an epoch in the address: ``otherwise``, or the newest.
    """
    text = st.query_params.get("epoch")
    if text is None:
        return epochs[-1] if otherwise is None else otherwise
    number = whole_number(text)
    wanted = epochs[-1] if number is None else number
    near = nearest_epoch(epochs, wanted)
    if near == number:
        return near
    st.warning(
        f"This run has saved nothing of epoch {quoted(text)}, so epoch {near} is shown.",
        icon=":material/warning:",
    )
    return near


def render_epoch_slider(
    place: DeltaGenerator, run: Run, epochs: Sequence[int], shown: int, *, about: str = ""
) -> None:
    """Draw the slider into ``place``; call this after the rest of the page.

    ``about`` describes what is shown, for when the page is scrolled down.
    """
    if not run.state.active:
        fill_query_param("epoch", str(shown))
    history = cache.store().epochs(run.id)
    validation = [epoch.val_loss for epoch in history]
    with place:
        epoch_slider(
            epochs,
            shown,
            key="epoch-slider",
            curves=Curves(
                "loss",
                [epoch.loss for epoch in history],
                validation if any(value is not None for value in validation) else [],
            ),
            on_epoch=lambda epoch: _select_epoch(epoch, epochs, growing=run.state.active),
            best=run.best_epoch,
            growing=run.state.active,
            about=" · ".join(filter(None, [run.name, about])),
        )
    rerun_on_new_epoch(run)


def rerun_on_new_epoch(run: Run) -> None:
    """Rerun the page when an active run finishes an epoch; the slider does this, too."""
    if run.state.active:
        mark = partial(_progress_mark, cache.store(), run.id)
        rerun_on_change(f"epochs-{run.id}", mark, key="epochs-done")


def _select_epoch(epoch: int, epochs: Sequence[int], *, growing: bool) -> None:
    # Without an epoch in the address the page shows the newest.
    update_query_params(epoch=None if growing and epoch == epochs[-1] else str(epoch))


def _progress_mark(store: RunStore, run_id: str) -> str:
    run = store.get(run_id)
    return f"{run.epochs_done} {run.state.active}"
