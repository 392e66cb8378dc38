"""Which test images a report shows the feature maps of, and these maps."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cifarviz.analysis.evaluation import Evaluation
from cifarviz.analysis.feature_maps import LayerView, layer_views
from cifarviz.analysis.galleries import least_sure_hits, surest_mistakes
from cifarviz.data.datasets import Dataset
from cifarviz.runs.kept_maps import Output, images_of_maps, read_maps
from cifarviz.runs.pins import pinned_images
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import snapshot_epochs
from cifarviz.runs.store import RunStore

# A layer's picture takes about 10 kB: with so many a report has the size of its charts' program
# again. A network with very many layers still gets one image.
_MOST_PICTURES = 300
_MISTAKE, _HIT = "the surest mistake", "the least sure image it recognised"


class Observer(Protocol):
    """What is asked of a run's network."""

    def observe(self, image: NDArray[np.uint8]) -> Iterable[Output]: ...


@dataclass(frozen=True, eq=False)
class ImageMaps:
    """A test image and what every layer of the network makes of it.

    ``index`` is its official one, ``why`` says why it is shown, ``answer`` what the network takes
    it for; ``None`` where it cannot be asked any more.
    """

    index: int
    pixels: NDArray[np.uint8]
    actual: str
    answer: str | None
    why: str
    layers: tuple[LayerView, ...]


@dataclass(frozen=True, eq=False)
class Maps:
    """Images with their maps, and in sentences where these come from and what was left out."""

    images: tuple[ImageMaps, ...] = ()
    words: str = ""


def asked_maps(
    store: RunStore, dataset: Dataset, evaluation: Evaluation, network: Observer, weights: str
) -> Maps:
    """What the network makes of the pinned images, its surest mistake and its least sure hit.

    ``weights`` says which network it is. Pinned images come first, and as many as keep the file
    at a reasonable size.
    """
    pinned = pinned_images(store, dataset.info)
    chosen = dict.fromkeys(pinned, "pinned")
    labels, probabilities = evaluation.labels, evaluation.probabilities
    for positions, why in (
        (surest_mistakes(labels, probabilities), _MISTAKE),
        (least_sure_hits(labels, probabilities), _HIT),
    ):
        if len(positions):
            index = int(evaluation.indices[positions[0]])
            chosen[index] = f"pinned, and {why}" if index in chosen else why
    answers = dict(zip(evaluation.indices.tolist(), evaluation.predicted.tolist(), strict=True))
    shown: list[ImageMaps] = []
    here = {one: why for one, why in chosen.items() if dataset.test.position_of(one) is not None}
    for index, why in here.items():
        if _is_full(shown):
            break
        found = _image(dataset, index)
        views = layer_views(network.observe(found[0]))
        answer = dataset.info.classes[answers[index]]
        shown.append(ImageMaps(index, *found, answer, why, views))
    return Maps(tuple(shown), f"They are of {weights}." + _left_out(chosen, here, len(shown)))


def kept_maps(store: RunStore, run: Run, open_dataset: Callable[[Run], Dataset]) -> Maps:
    """What a run without weights has kept of its pinned images.

    After the epoch that answers for it, where that was its choice, else after the newest.
    """
    folder = store.folder(run.id)
    epochs = [one for one in snapshot_epochs(folder, "maps") if one <= run.epochs_done]
    if not epochs:
        return Maps()
    dataset = open_dataset(run)
    preferred = run.preferred == "best" and run.best_epoch in epochs
    epoch = run.best_epoch if preferred and run.best_epoch is not None else epochs[-1]
    chosen = dict.fromkeys(images_of_maps(folder, epoch), "pinned")
    shown: list[ImageMaps] = []
    here = {one: why for one, why in chosen.items() if dataset.test.position_of(one) is not None}
    for index, why in here.items():
        if _is_full(shown):
            break
        views = layer_views(read_maps(folder, epoch, index))
        shown.append(ImageMaps(index, *_image(dataset, index), None, why, views))
    words = f"They were kept after epoch {epoch}, while the run trained."
    return Maps(tuple(shown), words + _left_out(chosen, here, len(shown)))


def _image(dataset: Dataset, index: int) -> tuple[NDArray[np.uint8], str]:
    position = dataset.test.position_of(index)
    assert position is not None
    return dataset.test.images[position], dataset.info.classes[dataset.test.labels[position]]


def _is_full(shown: list[ImageMaps]) -> bool:
    """Whether one more image like the first would make more pictures than a file should hold."""
    if not shown:
        return False
    each = sum(view.maps is not None for view in shown[0].layers)
    return (len(shown) + 1) * each > _MOST_PICTURES


def _left_out(chosen: Mapping[int, str], here: Mapping[int, str], shown: int) -> str:
    said = ""
    if gone := len(chosen) - len(here):
        said += (
            f" {gone} of the {len(chosen)} images cannot be shown: the full data set, which has "
            "them, is not on this machine."
        )
    if shown < len(here):
        said += f" To keep this file small it shows {shown} of {len(here)} images."
    return said
