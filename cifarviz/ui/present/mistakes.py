"""The sixth scene: what the network is surest of, and wrong."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st

from cifarviz.analysis.galleries import surest_mistakes
from cifarviz.analysis.predictions import check_probabilities, predicted_classes
from cifarviz.data.image_set import ImageSet, Split
from cifarviz.datasets.registry import find
from cifarviz.escaping import html_text
from cifarviz.figures.percent import format_probability
from cifarviz.figures.pictures import picture_sheet
from cifarviz.figures.theme import class_color
from cifarviz.runs.artifacts import Checkpoint
from cifarviz.runs.kept_weights import epoch_of
from cifarviz.runs.records import Run
from cifarviz.runs.run_headline import best_criterion
from cifarviz.runs.snapshots import WeightsChoice, read_predictions, snapshot_path, weights_path
from cifarviz.settings import Settings
from cifarviz.ui import cache
from cifarviz.ui.address import quoted
from cifarviz.ui.class_names import address_names
from cifarviz.ui.dataset_images import available_images
from cifarviz.ui.epoch_scrubber import epochs_with_predictions
from cifarviz.ui.pickers import checkpoint_label, checkpoints_of
from cifarviz.ui.present.stage import Stage, headline, picture
from cifarviz.ui.query import fill_query_param

_SHOWN = 8
_ASKED = 1000


@dataclass(frozen=True, eq=False)
class Mistakes:
    """The surest of them. ``asked`` images were asked about, ``here`` of them can be shown, and of
    these ``wrong`` were taken for another class.

    ``images`` uint8 (n, h, w, c); ``said`` and ``actual`` are classes' indices, ``sure`` 0 to 1.
    """

    split: Split
    asked: int
    here: int
    wrong: int
    images: np.ndarray
    said: np.ndarray
    actual: np.ndarray
    sure: np.ndarray


def render_mistakes(stage: Stage) -> Sequence[str]:
    """Up to eight pictures with what was said and what is true."""
    assert stage.run is not None
    run = stage.run
    epochs = epochs_with_predictions(run)
    kept = checkpoints_of(run)
    if not epochs and not kept:
        headline("No answers, no mistakes")
        st.info(
            f"{quoted(run.name)} has neither kept what it answered nor weights that could be "
            "asked: it did not finish an epoch, or its files were removed.",
            icon=":material/info:",
        )
        return ["There is nothing to show of this run here; the next scene has another picture."]
    epoch = _epoch(stage, epochs, kept) if epochs else None
    if epoch is not None:
        found, when = _after(run, epoch), f"after epoch {epoch}"
        if epoch == run.best_epoch:
            when += f" ({best_criterion(run)})"
    else:
        found, when = _mistakes_on_sample(run, kept[0]), checkpoint_label(run, kept[0])
        epoch = None if kept[0] == "last" else epoch_of(run, kept[0])
    if not found.here:
        headline("Its mistakes are not here")
        st.info("None of the images that it was asked about is on this machine.")
        return ["The full data set, from the Start page, has them all."]
    headline("Sure, and wrong" if len(found.images) else "Not one mistake")
    # One line, so that two rows of pictures fit below it; the notes say the rest.
    _pictures(found, when if epoch is None else f"after epoch {epoch}", stage)
    return _notes(found, when)


def _epoch(stage: Stage, epochs: Sequence[int], kept: Sequence[Checkpoint]) -> int | None:
    """The epoch whose answers are shown, at first that of the run's answer.

    ``None``: the weights that answer for it, of an epoch whose answers were not kept, are asked.
    """
    run = stage.run
    assert run is not None
    options = {str(one): str(one) for one in epochs}
    usual = epoch_of(run, kept[0]) if kept else None
    if usual is not None and usual not in epochs and kept[0] == run.preferred:
        # A person chose these weights, so they are asked rather than passed over.
        options[str(usual)] = f"{usual}, asked now"
    chosen = stage.choose(
        "epoch",
        "After epoch",
        options,
        usual=str(usual) if str(usual) in options else str(epochs[-1]),
        hint="What the network said about its validation images then; at first at the epoch of "
        "the weights that are the run's answer.",
        problem=lambda word: f"This run has kept no answers of epoch {word}.",
    )
    if not run.state.active:
        fill_query_param("epoch", chosen)
    return int(chosen) if int(chosen) in epochs else None


def _pictures(found: Mistakes, when: str, stage: Stage) -> None:
    noun = "validation image" if found.split == "train" else "test image"
    cells = []
    for image, said, actual, sure in zip(
        found.images, found.said, found.actual, found.sure, strict=True
    ):
        alt = f"A {noun}: {stage.names[actual]}"
        cells.append(
            f"<figure>{picture(picture_sheet(image[np.newaxis], 1), alt)}<figcaption>"
            f'<b style="border-color: {class_color(int(said))}">“{html_text(stage.names[said])}”, '
            f"{format_probability(float(sure))}</b>"
            f"<span>label: {html_text(stage.names[actual])}</span></figcaption></figure>"
        )
    what = "held-back" if found.split == "train" else "test"
    st.html(
        f'<p class="present-words">{html_text(when[0].upper() + when[1:])}, {found.wrong:,} of '
        f"{found.here:,} {what} pictures were taken for something else. The surest:</p>"
        f'<div class="present-mistakes">{"".join(cells)}</div>'
    )


def _notes(found: Mistakes, when: str) -> Sequence[str]:
    what = "validation images, held back from training" if found.split == "train" else "test images"
    part = (
        f" Of these the {found.here:,} that are on this machine are looked at: the rest of the "
        "full data set is not here."
        if found.here < found.asked
        else ""
    )
    return [
        f"What the network said about {found.asked:,} {what}, {when}.{part}",
        f"**{found.wrong:,} of {found.here:,}** were taken for something else "
        f"({found.wrong / found.here:.1%}); these are the {len(found.images)} it was surest of.",
        "In quotation marks is what it said and how sure it was, below what the label says. Labels "
        "are people's work: now and then the network has a point.",
    ]


def _after(run: Run, epoch: int) -> Mistakes:
    path = snapshot_path(cache.store().folder(run.id), "answers", epoch)
    stamp = path.stat().st_mtime_ns if path.exists() else 0
    info = find(run.experiment.data.dataset)
    there = [len(available_images(info, split)) for split in ("train", "test")]
    return _after_cached(run.id, epoch, stamp, tuple(there), cache.settings())


@st.cache_resource(max_entries=64, show_spinner=False, hash_funcs={Settings: repr})
def _after_cached(
    run_id: str, epoch: int, stamp: int, there: tuple[int, ...], settings: Settings
) -> Mistakes:
    store = cache.store()
    info = find(store.get(run_id).experiment.data.dataset)
    answers = read_predictions(store.folder(run_id), epoch, len(address_names(info)))
    return _mistakes(
        available_images(info, answers.split),
        answers.split,
        answers.indices,
        answers.predictions.probabilities,
    )


def _mistakes_on_sample(run: Run, which: Checkpoint) -> Mistakes:
    """The same of a run that kept no answers: its network is asked about a thousand test images."""
    path = weights_path(cache.store().folder(run.id), which)
    return _asked_cached(run.id, which, path.stat().st_mtime_ns, cache.settings(), run)


@st.cache_resource(max_entries=16, show_spinner="Asking the network …", hash_funcs={Settings: repr})
def _asked_cached(
    run_id: str, which: WeightsChoice, stamp: int, settings: Settings, _run: Run
) -> Mistakes:
    test = cache.nearest_dataset(_run.experiment.data.dataset, "sample").test
    test = test.take(np.arange(min(_ASKED, len(test))))
    given = cache.trained_model(_run, which).probabilities(test.images)
    return _mistakes(test, "test", test.indices, given)


def _mistakes(
    images: ImageSet, split: Split, indices: np.ndarray, probabilities: np.ndarray
) -> Mistakes:
    """The surest mistakes among the images that are here."""
    here = np.flatnonzero(np.isin(indices, images.indices))
    order = np.argsort(images.indices)
    positions = order[np.searchsorted(images.indices, indices[here], sorter=order)]
    labels, given = images.labels[positions], probabilities[here]
    if not len(here):
        nothing = np.zeros(0, np.int64)
        return Mistakes(split, len(indices), 0, 0, images.images[:0], nothing, nothing, nothing)
    check_probabilities(given)
    wrong = surest_mistakes(labels, given)
    first = wrong[:_SHOWN]
    return Mistakes(
        split,
        asked=len(indices),
        here=len(here),
        wrong=len(wrong),
        images=images.images[positions[first]],
        said=predicted_classes(given[first]),
        actual=labels[first].astype(np.int64),
        sure=given[first].max(axis=1),
    )
