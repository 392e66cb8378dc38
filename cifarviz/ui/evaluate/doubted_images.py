"""The images whose labels can be judged, and what networks say of them that did not learn them."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cifarviz.analysis.label_doubts import HeldOut, LabelDoubts, doubt_labels
from cifarviz.analysis.members import Member
from cifarviz.data.image_set import Dataset, ImageSet, Split
from cifarviz.errors import RunError, StoreError
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import load_predictions, snapshot_epochs
from cifarviz.ui import cache
from cifarviz.ui.class_names import query_class_names
from cifarviz.ui.dataset_images import available_images
from cifarviz.ui.ensemble.view import collect_votes
from cifarviz.ui.epoch_scrubber import epochs_with_predictions, nearest_epoch
from cifarviz.ui.evaluate.evaluation import load_evaluated_dataset, stored_evaluation
from cifarviz.ui.lab.results import training_labels

DoubtSource = Literal["test", "held-out", "wrong"]
"""Test images; training images that runs held out; training images some of whose labels were made
wrong."""


@dataclass(frozen=True, eq=False)
class DoubtedImages:
    """Judged labels, and their images in the same order.

    ``sentences`` tell which images were judged, and by what. ``true_labels`` int64 (n,) are known
    where labels were made wrong.
    """

    doubts: LabelDoubts
    images: ImageSet
    split: Split
    noun: str
    sentences: tuple[str, ...]
    true_labels: NDArray[np.int64] | None = None


def doubt_test_labels(members: Sequence[Member]) -> tuple[DoubtedImages, Dataset] | None:
    """Return the doubts about test images; ``None`` after showing why there are none.

    Raises as ``collect_votes`` does.
    """
    voted = collect_votes(members)
    if voted is None:
        return None
    ensemble, dataset = voted
    held_out = [HeldOut(ensemble.indices, network) for network in ensemble.probabilities]
    doubts = doubt_labels(ensemble.labels, ensemble.indices, held_out)
    sentences = [
        f"All {len(doubts):,} test images, judged by {len(members)} networks that did not learn "
        "from them."
    ]
    if len({member.run.id for member in members}) < len(members):
        sentences.append(
            "Some are epochs of one run, which make many of the same mistakes: their agreement "
            "tells less than that of different runs."
        )
    images = _images_of(doubts, dataset.test)
    return DoubtedImages(doubts, images, "test", "Test image", tuple(sentences)), dataset


def doubt_held_out_labels(members: Sequence[Member]) -> tuple[DoubtedImages, Dataset] | None:
    """Return the doubts about the training images that runs validated on.

    Each image is judged by those runs only that held it out. ``None`` after showing why there are
    none.
    """
    dataset = load_evaluated_dataset(members[0].run)
    if dataset is None:
        return None
    held_out, sentences = [], []
    judges: set[tuple[str, int]] = set()
    for member in members:
        run = member.run
        saved = epochs_with_predictions(run)
        found = None
        with suppress(RunError, StoreError):
            if saved and run.experiment.data.dataset == dataset.info.name:
                wanted = saved[-1] if member.epoch is None else member.epoch
                epoch = nearest_epoch(saved, wanted)
                if (run.id, epoch) in judges:
                    continue
                judges.add((run.id, epoch))
                found = stored_evaluation(run.id, epoch, dataset)
        if found is None or found[1].split != "train":
            sentences.append(
                f"“{run.name}” judges none: it held no training images out, or its predictions "
                "for them are gone."
            )
            continue
        held_out.append(HeldOut(found[0].indices, found[0].probabilities))
    if not held_out:
        return _nothing(dataset, sentences)
    doubts = doubt_labels(dataset.train.labels, dataset.train.indices, held_out)
    sentences.insert(
        0,
        f"{len(doubts):,} of {len(dataset.train):,} training images, those that "
        + (
            "the run held out for validation."
            if len(held_out) == 1
            else f"at least one of {len(held_out)} runs held out for validation: each is judged "
            f"by {_format_range(doubts.judges)}."
        )
        + " Runs with another split seed judge others.",
    )
    images = _images_of(doubts, dataset.train)
    return DoubtedImages(doubts, images, "train", "Training image", tuple(sentences)), dataset


def doubt_wrong_labels(members: Sequence[Member]) -> tuple[DoubtedImages, Dataset] | None:
    """Return the doubts about the tracked training images of runs with wrong labels.

    Runs with the same wrong labels judge together, those of the first. These networks did learn
    from the images, so their best epoch is taken, before they memorise. ``None`` after showing why
    there are none. Raises ``DatasetNotFound``.
    """
    # Two epochs of a run are no two judges.
    runs = {member.run.id: member.run for member in members}
    wrong = [run for run in runs.values() if run.experiment.data.wrong_labels]
    first = wrong[0]
    dataset = cache.run_dataset(first)
    known = training_labels(first)
    held_out, sentences, epochs = [], [], []
    for run in wrong:
        found = None
        if _has_same_labels(run, first):
            found = _tracked_predictions(run, len(query_class_names(dataset.info)))
        if found is None:
            sentences.append(
                f"“{run.name}” judges none: its predictions for these images are gone, or it has "
                "other wrong labels."
            )
            continue
        epochs.append(found[0])
        held_out.append(found[1])
    if not held_out:
        return _nothing(dataset, sentences)
    doubts = doubt_labels(known.labels, known.indices, held_out)
    order = np.argsort(known.indices)
    places = order[np.searchsorted(known.indices, doubts.indices, sorter=order)]
    share = first.experiment.data.wrong_labels
    when = " and ".join(map(str, sorted(set(epochs))))
    sentences.insert(
        0,
        f"{len(doubts):,} training images, whose predictions the run saved because {share:.0%} of "
        f"its labels were made wrong. The network learned from these labels, so the predictions "
        f"are those after epoch {when}, where its validation loss is lowest and few are memorised.",
    )
    images = _images_of(doubts, available_images(first, "train"))
    return (
        DoubtedImages(
            doubts,
            images,
            "train",
            "Training image",
            tuple(sentences),
            known.true_labels[places].astype(np.int64),
        ),
        dataset,
    )


def _tracked_predictions(run: Run, classes: int) -> tuple[int, HeldOut] | None:
    folder = cache.store().folder(run.id)
    saved = [
        epoch for epoch in snapshot_epochs(folder, "train_predictions") if epoch <= run.epochs_done
    ]
    if not saved:
        return None
    epoch = nearest_epoch(saved, run.best_epoch or saved[-1])
    stored = load_predictions(folder, epoch, classes, kind="train_predictions")
    return epoch, HeldOut(stored.indices, stored.predictions.probabilities)


def _has_same_labels(run: Run, other: Run) -> bool:
    mine, others = run.experiment, other.experiment
    seeds = mine.data.train_images is None or mine.seed == others.seed
    return mine.data == others.data and mine.validation == others.validation and seeds


def _images_of(doubts: LabelDoubts, images: ImageSet) -> ImageSet:
    order = np.argsort(images.indices)
    return images.take(order[np.searchsorted(images.indices, doubts.indices, sorter=order)])


def _nothing(dataset: Dataset, sentences: Sequence[str]) -> tuple[DoubtedImages, Dataset]:
    none = np.empty(0, np.int64)
    doubts = LabelDoubts(none, none, np.empty((0, 2)), none, none)
    return DoubtedImages(
        doubts, dataset.train.take(none), "train", "Training image", tuple(sentences)
    ), dataset


def _format_range(judges: NDArray[np.int64]) -> str:
    low, high = int(judges.min()), int(judges.max())
    if low == high:
        return "1 network" if low == 1 else f"{low} networks"
    return f"{low} to {high} networks"
