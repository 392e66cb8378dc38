"""The data of a report, collected before any of it is formatted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cifarviz.analysis.evaluation import Evaluation, evaluate
from cifarviz.data.image_set import Dataset
from cifarviz.errors import CifarvizError
from cifarviz.export.report.pictures import Maps, Observer, compute_maps, load_saved_maps
from cifarviz.people.person import require_change
from cifarviz.runs.archive_dataset import own_dataset
from cifarviz.runs.artifacts import Checkpoint
from cifarviz.runs.log_probabilities import Predictions
from cifarviz.runs.records import BatchPoints, Epoch, Run
from cifarviz.runs.store import RunStore
from cifarviz.runs.stored_predictions import load_or_compute_predictions
from cifarviz.runs.stored_weights import (
    WeightsPosition,
    explain_missing_weights,
    restored_best_weights,
    stored_checkpoints,
    weights_position,
)


class Network(Observer, Protocol):
    """The part of ``TrainedModel`` that a report needs."""

    def predictions(self, images: NDArray[np.uint8]) -> Predictions: ...


OpenNetwork = Callable[[Run, Checkpoint], Network]
OpenDataset = Callable[[Run], Dataset]


@dataclass(frozen=True, eq=False)
class RunContents:
    """The data on one run; without ``evaluation``, ``problem`` has the reason as a sentence.

    ``weights`` describes the weights of the evaluation and the maps, ``position`` is the point in
    training at which the run had them; ``None`` if it has none. ``shows_pictures``: images of its
    data set may be shown, and feature maps of them.
    """

    run: Run
    name: str
    epochs: tuple[Epoch, ...]
    batches: BatchPoints | None
    weights: str
    position: WeightsPosition | None
    dataset: Dataset | None
    evaluation: Evaluation | None
    maps: Maps
    problem: str | None
    shows_pictures: bool

    @property
    def images(self) -> NDArray[np.uint8]:
        """The test images, uint8 (n, height, width, channels); requires an evaluation."""
        assert self.dataset is not None
        return self.dataset.test.images


def gather(
    store: RunStore,
    runs: Sequence[Run],
    open_network: OpenNetwork,
    open_dataset: OpenDataset,
    *,
    checkpoint: Checkpoint | None = None,
    with_pictures: bool = False,
) -> list[RunContents]:
    """Return the contents of a report on ``runs``; test predictions are computed unless stored.

    The weights are those of ``checkpoint`` if the run has them, else its preferred ones. Feature
    maps are collected only for a single run. Images of a data set that was imported are shown, and
    feature maps of them collected, only ``with_pictures``. Missing data is left out of the
    contents; damaged data raises, and ``AccessRefused`` for another person's run.
    """
    for run in runs:
        require_change(run.owner, run.name)
    checkpoints = [_choose_checkpoint(store, run, checkpoint) for run in runs]
    contents = [
        _contents(store, run, chosen, open_network, open_dataset, with_pictures)
        for run, chosen in zip(runs, checkpoints, strict=True)
    ]
    if len(contents) == 1:
        return [_with_maps(store, contents[0], checkpoints[0], open_network, open_dataset)]
    names = [item.name for item in contents]
    return [
        replace(item, name=f"{item.name} ({item.run.id})") if names.count(item.name) > 1 else item
        for item in contents
    ]


def _contents(
    store: RunStore,
    run: Run,
    checkpoint: Checkpoint | None,
    open_network: OpenNetwork,
    open_dataset: OpenDataset,
    with_pictures: bool,
) -> RunContents:
    evaluation, problem, dataset = None, None, None
    if checkpoint is None:
        problem = f"{explain_missing_weights(store, run, 'last')} It cannot be evaluated."
    else:
        try:
            dataset = open_dataset(run)
            evaluation = evaluate(
                dataset.test.labels,
                _predictions(store, run, checkpoint, dataset, open_network),
                dataset.test.indices,
                dataset.info.classes,
            )
        except CifarvizError as error:
            problem = str(error)
    position = None if checkpoint is None else weights_position(store, run, checkpoint)
    return RunContents(
        run=run,
        name=run.name,
        epochs=tuple(store.epochs(run.id)),
        batches=store.batch_points(run.id),
        weights="no weights" if position is None else _format_weights(run, checkpoint, position),
        position=position,
        dataset=dataset,
        evaluation=evaluation,
        maps=Maps(),
        problem=problem,
        shows_pictures=with_pictures or own_dataset(run.experiment) is None,
    )


def _choose_checkpoint(
    store: RunStore, run: Run, checkpoint: Checkpoint | None
) -> Checkpoint | None:
    available = stored_checkpoints(store, run)
    return checkpoint if checkpoint in available else next(iter(available), None)


def _format_weights(run: Run, checkpoint: Checkpoint | None, position: WeightsPosition) -> str:
    if checkpoint == "best":
        return f"the weights from the best epoch, {position.epoch}"
    if restored_best_weights(run):
        return f"the restored weights from the best epoch, {position.epoch}"
    return f"the weights {position}"


def _predictions(
    store: RunStore, run: Run, checkpoint: Checkpoint, dataset: Dataset, open_network: OpenNetwork
) -> Predictions:
    test = dataset.test
    return load_or_compute_predictions(
        store.folder(run.id),
        checkpoint,
        test,
        len(dataset.info.classes),
        lambda: open_network(run, checkpoint).predictions(test.images),
        # Predictions of the sample must not replace stored ones of the full set.
        save=dataset.variant == run.experiment.data.variant,
    )


def _with_maps(
    store: RunStore,
    item: RunContents,
    checkpoint: Checkpoint | None,
    open_network: OpenNetwork,
    open_dataset: OpenDataset,
) -> RunContents:
    if not item.shows_pictures:
        return item
    if checkpoint is None:
        return replace(item, maps=load_saved_maps(store, item.run, open_dataset))
    if item.dataset is None or item.evaluation is None:
        return item
    network = open_network(item.run, checkpoint)
    maps = compute_maps(store, item.dataset, item.evaluation, network, item.weights)
    return replace(item, maps=maps)
