"""The sixth scene: the most confident mistakes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st

from cifarviz.analysis.galleries import most_confident_mistakes
from cifarviz.analysis.predictions import check_probabilities, predicted_classes
from cifarviz.data.image_set import ImageSet, Split
from cifarviz.datasets.registry import find_dataset
from cifarviz.escaping import html_text
from cifarviz.figures.percent import format_probability
from cifarviz.figures.pictures import picture_sheet
from cifarviz.figures.theme import class_color
from cifarviz.runs.artifacts import Checkpoint
from cifarviz.runs.records import Run
from cifarviz.runs.run_data import check_run_data
from cifarviz.runs.run_headline import best_criterion
from cifarviz.runs.snapshots import WeightsChoice, load_predictions, snapshot_path, weights_path
from cifarviz.runs.stored_weights import weights_epoch
from cifarviz.settings import Settings
from cifarviz.ui import cache
from cifarviz.ui.address import quoted
from cifarviz.ui.class_names import query_class_names
from cifarviz.ui.dataset_images import available_images
from cifarviz.ui.epoch_scrubber import epochs_with_predictions
from cifarviz.ui.pickers import available_checkpoints, checkpoint_label
from cifarviz.ui.present.stage import Stage, picture_html, render_headline
from cifarviz.ui.query import fill_query_param

_MAX_PICTURES = 8
_SAMPLE_SIZE = 1000


@dataclass(frozen=True, eq=False)
class Mistakes:
    """The most confident mistakes among a run's predictions.

    The run predicted ``predicted_images`` images, of which ``available`` are on this machine,
    ``wrong`` of them predicted wrongly. ``images`` uint8 (n, h, w, c); ``predicted`` and
    ``actual`` are class indices, ``confidence`` is 0 to 1.
    """

    split: Split
    predicted_images: int
    available: int
    wrong: int
    images: np.ndarray
    predicted: np.ndarray
    actual: np.ndarray
    confidence: np.ndarray


def render_mistakes(stage: Stage) -> Sequence[str]:
    """Render up to eight pictures with prediction and label."""
    assert stage.run is not None
    run = stage.run
    epochs = epochs_with_predictions(run)
    checkpoints = available_checkpoints(run)
    if not epochs and not checkpoints:
        render_headline("No predictions were saved")
        st.info(
            f"{quoted(run.name)} has neither saved predictions nor weights: it did not finish an "
            "epoch, or its files were deleted.",
            icon=":material/info:",
        )
        return ["This scene has nothing to show for this run. Go to the next scene."]
    epoch = _pick_epoch(stage, epochs, checkpoints) if epochs else None
    if epoch is not None:
        mistakes, when = _load_mistakes(run, epoch), f"after epoch {epoch}"
        if epoch == run.best_epoch:
            when = f"{when}, {best_criterion(run)}"
    else:
        mistakes, when = (
            _compute_mistakes(run, checkpoints[0]),
            checkpoint_label(run, checkpoints[0]),
        )
        epoch = None if checkpoints[0] == "last" else weights_epoch(run, checkpoints[0])
    if not mistakes.available:
        render_headline("The images are not on this machine")
        st.info("This machine has none of the images that this run predicted.")
        return ["The full data set has them: see the Data page."]
    render_headline("Confident mistakes" if len(mistakes.images) else "No mistakes")
    # A single line leaves room for two rows of pictures; the notes have the rest.
    wrong = _count_wrong(mistakes, epoch, stage)
    _render_pictures(mistakes, wrong, when if epoch is None else f"after epoch {epoch}", stage)
    return _notes(mistakes, wrong, when)


def _count_wrong(mistakes: Mistakes, epoch: int | None, stage: Stage) -> int | None:
    """How many of all predicted images were wrong; ``None`` if only those here can be counted."""
    if mistakes.available == mistakes.predicted_images:
        return mistakes.wrong
    # The run has counted the others while it trained.
    accuracy = next((one.val_accuracy for one in stage.history if one.epoch == epoch), None)
    return None if accuracy is None else round((1 - accuracy) * mistakes.predicted_images)


def _pick_epoch(
    stage: Stage, epochs: Sequence[int], checkpoints: Sequence[Checkpoint]
) -> int | None:
    """The epoch whose predictions are shown, by default that of the run's weights.

    ``None``: the run's weights, of an epoch without saved predictions, predict now.
    """
    run = stage.run
    assert run is not None
    options = {str(epoch): str(epoch) for epoch in epochs}
    usual = weights_epoch(run, checkpoints[0]) if checkpoints else None
    if usual is not None and usual not in epochs and checkpoints[0] == run.preferred:
        # The user chose these weights, so they predict now.
        options[str(usual)] = f"{usual}, predicted now"
    chosen = stage.pick(
        "epoch",
        "After epoch",
        options,
        usual=str(usual) if str(usual) in options else str(epochs[-1]),
        hint="The epoch whose validation predictions are shown. The default is the epoch of the "
        "weights that the run uses.",
        problem=lambda word: f"This run has no saved predictions of epoch {word}.",
    )
    if not run.state.active:
        fill_query_param("epoch", chosen)
    return int(chosen) if int(chosen) in epochs else None


def _render_pictures(mistakes: Mistakes, wrong: int | None, when: str, stage: Stage) -> None:
    noun = "validation image" if mistakes.split == "train" else "test image"
    cells = []
    for image, predicted, actual, confidence in zip(
        mistakes.images, mistakes.predicted, mistakes.actual, mistakes.confidence, strict=True
    ):
        alt = f"A {noun}: {stage.names[actual]}"
        cells.append(
            f"<figure>{picture_html(picture_sheet(image[np.newaxis], 1), alt)}<figcaption>"
            f'<b style="border-color: {class_color(int(predicted))}">'
            f"“{html_text(stage.names[predicted])}”, {format_probability(float(confidence))}</b>"
            f"<span>label: {html_text(stage.names[actual])}</span></figcaption></figure>"
        )
    counts = f"{mistakes.wrong:,} of {mistakes.available:,} {noun}s wrong"
    which = "The most confident:"
    if wrong is not None and mistakes.available < mistakes.predicted_images:
        counts = f"{wrong:,} of {mistakes.predicted_images:,} {noun}s wrong"
        which = f"The most confident of the {mistakes.available:,} here:"
    st.html(
        f'<p class="present-words">{counts} ({html_text(when)}). {which}</p>'
        f'<div class="present-mistakes">{"".join(cells)}</div>'
    )


def _notes(mistakes: Mistakes, wrong: int | None, when: str) -> Sequence[str]:
    what = "validation images" if mistakes.split == "train" else "test images"
    count, images = mistakes.wrong, mistakes.available
    predicted = f"The network predicted {mistakes.predicted_images:,} {what}: {when}."
    if mistakes.available < mistakes.predicted_images:
        here = f"{mistakes.available:,} of them are on this machine"
        if wrong is None:
            predicted = f"{predicted} Only the {mistakes.available:,} on this machine are counted."
        else:
            count, images = wrong, mistakes.predicted_images
            predicted = f"{predicted} {here}, {mistakes.wrong:,} of these are wrong."
    return [
        predicted,
        f"**{count:,} of {images:,}** are wrong ({count / images:.1%}), and {images - count:,} are "
        f"right ({1 - count / images:.1%}). These are the {len(mistakes.images)} most confident "
        "mistakes.",
        "In quotation marks: the prediction and its probability; below: the label. People made "
        "the labels, so sometimes the network is right.",
    ]


def mistakes_preview(stage: Stage) -> str:
    """What the scene shows."""
    return "The pictures that the network got wrong with the most confidence."


def _load_mistakes(run: Run, epoch: int) -> Mistakes:
    path = snapshot_path(cache.store().folder(run.id), "predictions", epoch)
    stamp = path.stat().st_mtime_ns if path.exists() else 0
    counts = [len(available_images(run, split)) for split in ("train", "test")]
    return _cached_saved_mistakes(run.id, epoch, stamp, tuple(counts), cache.settings())


@st.cache_resource(max_entries=64, show_spinner=False, hash_funcs={Settings: repr})
def _cached_saved_mistakes(
    run_id: str, epoch: int, stamp: int, counts: tuple[int, ...], settings: Settings
) -> Mistakes:
    store = cache.store()
    run = store.get(run_id)
    info = find_dataset(run.experiment.data.dataset)
    snapshot = load_predictions(store.folder(run_id), epoch, len(query_class_names(info)))
    return _select_mistakes(
        available_images(run, snapshot.split),
        snapshot.split,
        snapshot.indices,
        snapshot.predictions.probabilities,
    )


def _compute_mistakes(run: Run, checkpoint: Checkpoint) -> Mistakes:
    """The mistakes of a run without saved predictions, on up to 1,000 test images."""
    check_run_data(run, "test")
    path = weights_path(cache.store().folder(run.id), checkpoint)
    return _cached_computed_mistakes(
        run.id, checkpoint, path.stat().st_mtime_ns, cache.settings(), run
    )


@st.cache_resource(
    max_entries=16, show_spinner="Predicting …", show_time=True, hash_funcs={Settings: repr}
)
def _cached_computed_mistakes(
    run_id: str, checkpoint: WeightsChoice, stamp: int, settings: Settings, _run: Run
) -> Mistakes:
    test = cache.nearest_dataset(_run.experiment.data.dataset, "sample").test
    test = test.take(np.arange(min(_SAMPLE_SIZE, len(test))))
    probabilities = cache.trained_model(_run, checkpoint).probabilities(test.images)
    return _select_mistakes(test, "test", test.indices, probabilities)


def _select_mistakes(
    images: ImageSet, split: Split, indices: np.ndarray, probabilities: np.ndarray
) -> Mistakes:
    """The most confident mistakes among the images on this machine."""
    available = np.flatnonzero(np.isin(indices, images.indices))
    order = np.argsort(images.indices)
    positions = order[np.searchsorted(images.indices, indices[available], sorter=order)]
    labels, shown_probabilities = images.labels[positions], probabilities[available]
    if not len(available):
        empty = np.zeros(0, np.int64)
        return Mistakes(split, len(indices), 0, 0, images.images[:0], empty, empty, empty)
    check_probabilities(shown_probabilities)
    wrong = most_confident_mistakes(labels, shown_probabilities)
    first = wrong[:_MAX_PICTURES]
    return Mistakes(
        split,
        predicted_images=len(indices),
        available=len(available),
        wrong=len(wrong),
        images=images.images[positions[first]],
        predicted=predicted_classes(shown_probabilities[first]),
        actual=labels[first].astype(np.int64),
        confidence=shown_probabilities[first].max(axis=1),
    )


cache.holds_images(_cached_saved_mistakes, _cached_computed_mistakes)
