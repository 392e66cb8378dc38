"""The test images that a report shows feature maps of, and these maps."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cifarviz.analysis.evaluation import Evaluation
from cifarviz.analysis.feature_maps import LayerView, layer_views
from cifarviz.analysis.galleries import least_confident_correct, most_confident_mistakes
from cifarviz.data.image_set import Dataset
from cifarviz.runs.pins import pinned_images
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import snapshot_epochs
from cifarviz.runs.store import RunStore
from cifarviz.runs.stored_maps import Output, load_maps, map_image_indices

# A layer's picture takes about 10 kB, so this many take as much space as Plotly. A network with
# very many layers still gets one image.
_MAX_PICTURES = 300
_MISTAKE, _HIT = "most confident mistake", "least confident correct"


class Observer(Protocol):
    """The part of ``TrainedModel`` that feature maps need."""

    def observe(self, image: NDArray[np.uint8]) -> Iterable[Output]: ...


@dataclass(frozen=True, eq=False)
class ImageMaps:
    """A test image and the outputs of every layer for it.

    ``index``: its number in the published test set; ``reason``: why it is shown; ``predicted``:
    the predicted class, ``None`` for saved maps.
    """

    index: int
    pixels: NDArray[np.uint8]
    actual: str
    predicted: str | None
    reason: str
    layers: tuple[LayerView, ...]


@dataclass(frozen=True, eq=False)
class Maps:
    """Images with their maps; ``note`` says which weights these are of and what is left out."""

    images: tuple[ImageMaps, ...] = ()
    note: str = ""


def compute_maps(
    store: RunStore, dataset: Dataset, evaluation: Evaluation, network: Observer, weights: str
) -> Maps:
    """Return the maps of the pinned images, the worst mistake and the weakest correct prediction.

    ``weights`` describes the network's weights. Pinned images come first; their number is limited
    by the size of the file.
    """
    reasons = dict.fromkeys(pinned_images(store, dataset.info), "pinned")
    labels, probabilities = evaluation.labels, evaluation.probabilities
    for positions, reason in (
        (most_confident_mistakes(labels, probabilities), _MISTAKE),
        (least_confident_correct(labels, probabilities), _HIT),
    ):
        if len(positions):
            index = int(evaluation.indices[positions[0]])
            reasons[index] = f"pinned, {reason}" if index in reasons else reason
    predicted = dict(zip(evaluation.indices.tolist(), evaluation.predicted.tolist(), strict=True))
    return _maps(
        dataset,
        reasons,
        f"The network has {weights}.",
        lambda index, pixels: layer_views(network.observe(pixels)),
        lambda index: dataset.info.classes[predicted[index]],
    )


def load_saved_maps(store: RunStore, run: Run, open_dataset: Callable[[Run], Dataset]) -> Maps:
    """Return the maps of pinned images that were saved during training, for runs without weights.

    They are of the best epoch if its weights are preferred and it has maps, else of the last.
    """
    folder = store.folder(run.id)
    epochs = [epoch for epoch in snapshot_epochs(folder, "maps") if epoch <= run.epochs_done]
    if not epochs:
        return Maps()
    dataset = open_dataset(run)
    preferred = run.preferred == "best" and run.best_epoch in epochs
    epoch = run.best_epoch if preferred and run.best_epoch is not None else epochs[-1]
    return _maps(
        dataset,
        dict.fromkeys(map_image_indices(folder, epoch), "pinned"),
        f"The maps were saved after epoch {epoch}, during training.",
        lambda index, pixels: layer_views(load_maps(folder, epoch, index)),
        lambda index: None,
    )


def _maps(
    dataset: Dataset,
    reasons: Mapping[int, str],
    note: str,
    layers: Callable[[int, NDArray[np.uint8]], tuple[LayerView, ...]],
    predicted: Callable[[int], str | None],
) -> Maps:
    """Return the maps of images by their ``reasons``, limited by the data set and file size."""
    test = dataset.test
    positions = {index: test.position_of(index) for index in reasons}
    available = {index: at for index, at in positions.items() if at is not None}
    images: list[ImageMaps] = []
    for index, position in available.items():
        if _is_full(images):
            break
        pixels, actual = test.images[position], dataset.info.classes[test.labels[position]]
        views = layers(index, pixels)
        images.append(ImageMaps(index, pixels, actual, predicted(index), reasons[index], views))
    if missing := len(reasons) - len(available):
        note += (
            f" The full data set is not on this machine, so {missing} of {len(reasons)} images "
            "are missing."
        )
    if len(images) < len(available):
        note += f" To keep the file small, only {len(images)} of {len(available)} images are shown."
    return Maps(tuple(images), note)


def _is_full(images: list[ImageMaps]) -> bool:
    """Return whether another image like the first would exceed the limit of pictures."""
    if not images:
        return False
    pictures = sum(view.maps is not None for view in images[0].layers)
    return (len(images) + 1) * pictures > _MAX_PICTURES
