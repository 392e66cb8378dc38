"""What a run says after any of its epochs: from kept answers, or asked of kept weights."""

from collections.abc import Callable, Mapping, Sequence

import streamlit as st

from cifarviz.analysis.evaluation import Evaluation
from cifarviz.analysis.galleries import Learning
from cifarviz.analysis.members import Member
from cifarviz.analysis.tables import history_table
from cifarviz.data.image_set import Dataset
from cifarviz.errors import CifarvizError
from cifarviz.runs.earlier_losses import EXPLANATION, earlier_losses, is_exact
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import Weights
from cifarviz.ui import cache
from cifarviz.ui.class_names import class_names
from cifarviz.ui.csv_button import csv_button
from cifarviz.ui.earlier_losses import earlier_losses_sentence
from cifarviz.ui.epoch_scrubber import epoch_in_address, epoch_scrubber, epochs_place
from cifarviz.ui.errors import errors_shown
from cifarviz.ui.evaluate.answered import Answered
from cifarviz.ui.evaluate.asked import AskedImages
from cifarviz.ui.evaluate.epoch_answers import kept_answers, learning_over
from cifarviz.ui.evaluate.job import evaluation_job, wait_for
from cifarviz.ui.evaluate.shown import show_answered
from cifarviz.ui.evaluate.summary import show_figures


def evaluate_epochs(
    run: Run, dataset: Dataset, answered: Sequence[int], weights: Mapping[int, Weights]
) -> None:
    """Show matrix, pictures and scores of the epoch that the slider is at.

    ``answered`` are the epochs after which answers were kept. Where there are none, the network is
    asked about the test images with the ``weights`` it has kept.
    """
    epochs = list(answered) or list(weights)
    slider = epochs_place()
    with slider:
        epoch = epoch_in_address(epochs)
    with errors_shown():
        if answered:
            _show_answers(run, dataset, epochs, epoch)
        else:
            _show_weights(run, dataset, weights, epoch)
    # Also where this epoch's file is damaged: another may be whole.
    epoch_scrubber(slider, run, epochs, epoch)


def _show_answers(run: Run, dataset: Dataset, epochs: Sequence[int], epoch: int) -> None:
    found, asked = kept_answers(run.id, epoch, dataset)
    history = {one.epoch: one for one in cache.store().epochs(run.id)}
    # That of the answers is rounded, and may be about a part of the images.
    loss = history[epoch].val_loss if epoch in history else None
    count = len(found) + asked.beyond
    what = (
        f"the {count:,} images that were held back from training for validation"
        if asked.split == "train"
        else f"the {count:,} test images, by which this run was validated"
    )
    said = (
        f"What the network said about {what}, after epoch {epoch}. It was kept while the run "
        "trained; nothing is measured again."
    )
    if asked.beyond:
        said += (
            f" Shown are the {len(found):,} of them that are in the embedded sample; only the loss "
            "is about all."
        )

    def newest() -> Evaluation:
        for one in reversed(epochs):
            try:
                return kept_answers(run.id, one, dataset)[0]
            except CifarvizError:
                # Damaged: the next newest will do.
                continue
        return found

    learned = learning_over(run.id, tuple(epochs), dataset)
    if not is_exact(run, epoch):
        said += f" {earlier_losses_sentence(run)}"
    _show(run, _named(run, epoch, found, asked, newest, learned), loss, said)


def _show_weights(run: Run, dataset: Dataset, weights: Mapping[int, Weights], epoch: int) -> None:
    found = _asked_of(run, dataset, weights, epoch)
    if found is None:
        return

    def newest() -> Evaluation:
        return _asked_of(run, dataset, weights, max(weights)) or found

    asked = AskedImages(dataset.test, "test", dataset.info)
    said = (
        f"What the weights after epoch {epoch} say about the {len(found):,} test images: this run "
        "kept no answers on its way, so its weights are asked now. It kept those of ever fewer "
        "epochs."
    )
    _show(run, _named(run, epoch, found, asked, newest), found.loss, said)


def _asked_of(
    run: Run, dataset: Dataset, weights: Mapping[int, Weights], epoch: int
) -> Evaluation | None:
    job = evaluation_job(run, weights[epoch], dataset)
    return wait_for(job, f"The network after epoch {epoch}")


def _named(
    run: Run,
    epoch: int,
    found: Evaluation,
    asked: AskedImages,
    newest: Callable[[], Evaluation],
    learned: Learning | None = None,
) -> Answered:
    return Answered(
        found.renamed(class_names(asked.info)),
        asked,
        Member(run, epoch),
        f"{run.id}-epoch-{epoch}",
        view=f"{run.id} epochs",
        address={"run": run.id, "checkpoint": "epochs", "epoch": str(epoch)},
        ordering=newest,
        epoch=epoch,
        learned=learned,
    )


def _show(run: Run, answered: Answered, loss: float | None, said: str) -> None:
    asked, found = answered.asked, answered.evaluation
    role = "validation" if asked.split == "train" else "test"
    images = "sample images" if asked.beyond else "images"
    source = f"{role} ({len(found):,} {images}), after epoch {answered.epoch}"
    show_figures(found, asked.noun, loss, source)
    words, history = st.columns([5, 1], vertical_alignment="center")
    words.caption(said, help=EXPLANATION if earlier_losses(run) else None)
    with history:
        csv_button(
            "History as CSV",
            lambda: history_table(cache.store().epochs(run.id), run),
            f"{run.id}-history",
            "Loss and accuracy after each epoch of the run, as a file for a spreadsheet.",
        )
    show_answered(answered)
