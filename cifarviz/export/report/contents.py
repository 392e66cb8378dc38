"""What a report says of a run, gathered before a word of it is written."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cifarviz.analysis.evaluation import Evaluation, evaluate
from cifarviz.data.image_set import Dataset
from cifarviz.errors import CifarvizError
from cifarviz.export.report.pictures import Maps, Observer, asked_maps, kept_maps
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
    """What is asked of a run's network."""

    def predictions(self, images: NDArray[np.uint8]) -> Predictions: ...


OpenNetwork = Callable[[Run, Checkpoint], Network]
OpenDataset = Callable[[Run], Dataset]


@dataclass(frozen=True, eq=False)
class RunContents:
    """All that is said of one run; without ``evaluation``, ``problem`` says why in a sentence.

    ``weights`` says of which weights the evaluation and the maps are, ``position`` where in its
    training the run had them; ``None`` if it has none.
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

    @property
    def images(self) -> NDArray[np.uint8]:
        """The test images, uint8 (n, height, width, channels); only of a run that is evaluated."""
        assert self.dataset is not None
        return self.dataset.test.images


def gather(
    store: RunStore,
    runs: Sequence[Run],
    open_network: OpenNetwork,
    open_dataset: OpenDataset,
    *,
    wanted: Checkpoint | None = None,
) -> list[RunContents]:
    """Look everything up and ask each run's network about the test images, unless that is kept.

    It is asked with the weights ``wanted``, where it has kept them, else with those that answer
    for it. A run alone is looked into layer by layer, too. What a run has not got is left out of
    its contents; only what is damaged is raised.
    """
    asked = [(run, _weights_of(store, run, wanted)) for run in runs]
    found = [_contents(store, run, which, open_network, open_dataset) for run, which in asked]
    if len(found) == 1:
        return [_with_maps(store, found[0], asked[0][1], open_network, open_dataset)]
    names = [one.name for one in found]
    return [
        replace(one, name=f"{one.name} ({one.run.id})") if names.count(one.name) > 1 else one
        for one in found
    ]


def _contents(
    store: RunStore,
    run: Run,
    which: Checkpoint | None,
    open_network: OpenNetwork,
    open_dataset: OpenDataset,
) -> RunContents:
    evaluation, problem, dataset = None, None, None
    if which is None:
        problem = f"This run {explain_missing_weights(store, run, 'last')}, so it answers nothing."
    else:
        try:
            dataset = open_dataset(run)
            evaluation = evaluate(
                dataset.test.labels,
                _predictions(store, run, which, dataset, open_network),
                dataset.test.indices,
                dataset.info.classes,
            )
        except CifarvizError as error:
            problem = str(error)
    position = None if which is None else weights_position(store, run, which)
    return RunContents(
        run=run,
        name=run.name,
        epochs=tuple(store.epochs(run.id)),
        batches=store.batch_points(run.id),
        weights="no weights" if position is None else _weights_text(run, which, position),
        position=position,
        dataset=dataset,
        evaluation=evaluation,
        maps=Maps(),
        problem=problem,
    )


def _weights_of(store: RunStore, run: Run, wanted: Checkpoint | None) -> Checkpoint | None:
    kept = stored_checkpoints(store, run)
    return wanted if wanted in kept else next(iter(kept), None)


def _weights_text(run: Run, which: Checkpoint | None, position: WeightsPosition) -> str:
    if which == "best":
        chosen = ", which were made its answer" if run.preferred == "best" else ""
        return f"the weights of its best epoch, {position.epoch}{chosen}"
    if restored_best_weights(run):
        return f"the weights it ended with, those of its best epoch, {position.epoch}"
    return f"the weights it had {position}"


def _predictions(
    store: RunStore, run: Run, which: Checkpoint, dataset: Dataset, open_network: OpenNetwork
) -> Predictions:
    test = dataset.test
    return load_or_compute_predictions(
        store.folder(run.id),
        which,
        test,
        len(dataset.info.classes),
        lambda: open_network(run, which).predictions(test.images),
        # What a run on the full set says of the sample must not push out what it says of its own.
        save=dataset.variant == run.experiment.data.variant,
    )


def _with_maps(
    store: RunStore,
    one: RunContents,
    which: Checkpoint | None,
    open_network: OpenNetwork,
    open_dataset: OpenDataset,
) -> RunContents:
    if which is None:
        return replace(one, maps=kept_maps(store, one.run, open_dataset))
    if one.dataset is None or one.evaluation is None:
        return one
    network = open_network(one.run, which)
    return replace(one, maps=asked_maps(store, one.dataset, one.evaluation, network, one.weights))
