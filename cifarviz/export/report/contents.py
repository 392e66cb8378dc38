"""What a report says of a run, gathered before a word of it is written."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cifarviz.analysis.evaluation import Evaluation, evaluate
from cifarviz.analysis.feature_maps import LayerView, layer_views
from cifarviz.analysis.galleries import least_sure_hits, surest_mistakes
from cifarviz.data.datasets import Dataset, ImageSet
from cifarviz.errors import CifarvizError
from cifarviz.runs.artifacts import Checkpoint
from cifarviz.runs.kept_maps import Output
from cifarviz.runs.kept_weights import lacking_weights
from cifarviz.runs.records import BatchPoints, Epoch, Run
from cifarviz.runs.store import RunStore
from cifarviz.runs.stored_probabilities import kept_or_asked


class Network(Protocol):
    """What is asked of a run's network."""

    def probabilities(self, images: NDArray[np.uint8]) -> NDArray[np.float32]: ...
    def observe(self, image: NDArray[np.uint8]) -> Iterable[Output]: ...


OpenNetwork = Callable[[Run, Checkpoint], Network]
OpenDataset = Callable[[Run], Dataset]


@dataclass(frozen=True, eq=False)
class ImageMaps:
    """A test image and what every layer of the network makes of it."""

    position: int
    why: str
    layers: tuple[LayerView, ...]


@dataclass(frozen=True, eq=False)
class RunContents:
    """All that is said of one run; without ``evaluation``, ``problem`` says why in a sentence."""

    run: Run
    name: str
    epochs: tuple[Epoch, ...]
    batches: BatchPoints | None
    weights: str
    test: ImageSet | None
    evaluation: Evaluation | None
    maps: tuple[ImageMaps, ...]
    problem: str | None

    @property
    def images(self) -> NDArray[np.uint8]:
        """The test images, uint8 (n, height, width, channels); only of a run that is evaluated."""
        assert self.test is not None
        return self.test.images


def gather(
    store: RunStore, runs: Sequence[Run], open_network: OpenNetwork, open_dataset: OpenDataset
) -> list[RunContents]:
    """Look everything up and ask each run's network about the test images, unless that is kept.

    A run alone is looked into layer by layer, too. What a run has not got is left out of its
    contents; only what is damaged is raised.
    """
    found = [_contents(store, run, open_network, open_dataset) for run in runs]
    if len(found) == 1:
        return [_with_maps(store, found[0], open_network)]
    names = [one.name for one in found]
    return [
        replace(one, name=f"{one.name} ({one.run.id})") if names.count(one.name) > 1 else one
        for one in found
    ]


def _contents(
    store: RunStore, run: Run, open_network: OpenNetwork, open_dataset: OpenDataset
) -> RunContents:
    which = weights_of(store, run)
    evaluation, problem, test = None, None, None
    if which is None:
        problem = f"This run {lacking_weights(store, run, 'last')}, so it answers nothing."
    else:
        try:
            dataset = open_dataset(run)
            test = dataset.test
            evaluation = evaluate(
                test.labels,
                _probabilities(store, run, which, dataset, open_network),
                test.indices,
                dataset.info.classes,
            )
        except CifarvizError as error:
            problem = str(error)
    return RunContents(
        run=run,
        name=run.name,
        epochs=tuple(store.epochs(run.id)),
        batches=store.batch_points(run.id),
        weights=_words(run, which),
        test=test,
        evaluation=evaluation,
        maps=(),
        problem=problem,
    )


def weights_of(store: RunStore, run: Run) -> Checkpoint | None:
    """The weights a run ended with, else those of its best epoch, else none."""
    kept: tuple[Checkpoint, ...] = ("last", "best")
    return next((one for one in kept if lacking_weights(store, run, one) is None), None)


def _words(run: Run, which: Checkpoint | None) -> str:
    if which == "best":
        return f"the weights of its best epoch, {run.best_epoch}"
    stopping = run.experiment.early_stopping
    if stopping is not None and stopping.restore_best_weights and not run.state.resumable:
        return f"the weights it ended with, those of its best epoch, {run.best_epoch}"
    return f"the weights it had after epoch {run.epochs_done}"


def _probabilities(
    store: RunStore, run: Run, which: Checkpoint, dataset: Dataset, open_network: OpenNetwork
) -> NDArray[np.float32]:
    test = dataset.test
    return kept_or_asked(
        store.folder(run.id),
        which,
        test,
        len(dataset.info.classes),
        lambda: open_network(run, which).probabilities(test.images),
        # What a run on the full set says of the sample must not push out what it says of its own.
        keep=dataset.variant == run.experiment.data.variant,
    )


def _with_maps(store: RunStore, one: RunContents, open_network: OpenNetwork) -> RunContents:
    evaluation, which = one.evaluation, weights_of(store, one.run)
    if evaluation is None or which is None:
        return one
    network = open_network(one.run, which)
    return replace(
        one,
        maps=tuple(
            ImageMaps(position, why, layer_views(network.observe(one.images[position])))
            for position, why in _worth_a_look(evaluation)
        ),
    )


def _worth_a_look(evaluation: Evaluation) -> list[tuple[int, str]]:
    """The first test image, the surest mistake and the least sure hit."""
    labels, probabilities = evaluation.labels, evaluation.probabilities
    chosen = {0: "the first test image"}
    for positions, why in (
        (surest_mistakes(labels, probabilities), "the surest mistake"),
        (least_sure_hits(labels, probabilities), "the least sure image it recognised"),
    ):
        if len(positions):
            chosen.setdefault(int(positions[0]), why)
    return list(chosen.items())
