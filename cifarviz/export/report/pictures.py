"""Which test images a report shows the feature maps of, and these maps."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cifarviz.analysis.evaluation import Evaluation
from cifarviz.analysis.feature_maps import LayerView, layer_views
from cifarviz.analysis.galleries import least_confident_correct, most_confident_mistakes
from cifarviz.data.image_set import Dataset
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
        (most_confident_mistakes(labels, probabilities), _MISTAKE),
        (least_confident_correct(labels, probabilities), _HIT),
    ):
        if len(positions):
            index = int(evaluation.indices[positions[0]])
            chosen[index] = f"pinned, and {why}" if index in chosen else why
    answers = dict(zip(evaluation.indices.tolist(), evaluation.predicted.tolist(), strict=True))
    return _maps(
        dataset,
        chosen,
        f"They are of {weights}.",
        lambda index, pixels: layer_views(network.observe(pixels)),
        lambda index: dataset.info.classes[answers[index]],
    )


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
    return _maps(
        dataset,
        dict.fromkeys(images_of_maps(folder, epoch), "pinned"),
        f"They were kept after epoch {epoch}, while the run trained.",
        lambda index, pixels: layer_views(read_maps(folder, epoch, index)),
        lambda index: None,
    )


def _maps(
    dataset: Dataset,
    chosen: Mapping[int, str],
    words: str,
    views: Callable[[int, NDArray[np.uint8]], tuple[LayerView, ...]],
    answer: Callable[[int], str | None],
) -> Maps:
    """As many of the ``chosen`` images, and why, as are here and keep the file small enough."""
    test = dataset.test
    here = {one: at for one in chosen if (at := test.position_of(one)) is not None}
    shown: list[ImageMaps] = []
    for index, position in here.items():
        if _is_full(shown):
            break
        pixels, actual = test.images[position], dataset.info.classes[test.labels[position]]
        made = views(index, pixels)
        shown.append(ImageMaps(index, pixels, actual, answer(index), chosen[index], made))
    return Maps(tuple(shown), words + _left_out(len(chosen), len(here), len(shown)))


def _is_full(shown: list[ImageMaps]) -> bool:
    """Whether one more image like the first would make more pictures than a file should hold."""
    if not shown:
        return False
    each = sum(view.maps is not None for view in shown[0].layers)
    return (len(shown) + 1) * each > _MOST_PICTURES


def _left_out(chosen: int, here: int, shown: int) -> str:
    said = ""
    if here < chosen:
        said += (
            f" {chosen - here} of the {chosen} images cannot be shown: the full data set, which "
            "has them, is not on this machine."
        )
    if shown < here:
        said += f" To keep this file small it shows {shown} of {here} images."
    return said
