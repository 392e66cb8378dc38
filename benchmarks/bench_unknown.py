"""How well runs tell what they know from pictures of other things, by three scores.

    python -m benchmarks.bench_unknown [RUN …]

Without ids, all finished runs of the home and the recorded runs, which are unpacked. The known
pictures are up to 2,000 test images; the others are 500 each of: the other embedded data sets,
uniform noise, noise of up to ten times the size scaled down, plain colours, and square parts of
the photographs that come with scikit-learn and, where it is installed, scikit-image. Printed is
the area under the ROC curve by kind, and the share of pictures that are warned of where 5 % of the
calibration images are:

- ``energy``: minus the logsumexp of the logits (Liu et al., arXiv 2010.03759);
- ``last hidden``: the distance to the 50th nearest of up to 20,000 training images in the last
  hidden layer, its vectors scaled to length 1 (Sun et al., arXiv 2204.06507);
- ``all layers``: what cifarviz uses (cifarviz/analysis/out_of_distribution.py).
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.results_file import write_results
from cifarviz.analysis.out_of_distribution import (
    FALSE_ALARM_RATE,
    MAX_REFERENCE_IMAGES,
    MAX_TRAINING_IMAGES,
    make_detector,
)
from cifarviz.analysis.trained_model import TrainedModel, open_checkpoint
from cifarviz.data import sample
from cifarviz.data.pictures import fit_to
from cifarviz.datasets.info import DatasetInfo
from cifarviz.datasets.registry import DATASETS, find_dataset
from cifarviz.network.inference import compute_logits
from cifarviz.network.stateless import ForwardPass
from cifarviz.processor import machine_name
from cifarviz.runs.recorded import recorded_series, restore_recorded_run
from cifarviz.runs.records import Run
from cifarviz.runs.run_data import load_evaluation_data
from cifarviz.runs.run_images import load_run_images
from cifarviz.runs.store import RunStore
from cifarviz.runs.stored_weights import default_weights
from cifarviz.settings import Settings

_KNOWN, _OTHERS = 2_000, 500
_SEARCHED, _NEIGHBOUR = 20_000, 50
_SMALLEST_PART = 48

Pixels = NDArray[np.uint8]
Scores = Callable[[Pixels], NDArray[np.floating[Any]]]


def main() -> None:
    """Print a table for each run, and write all to the results."""
    settings = Settings.from_environment()
    store = RunStore(settings)
    runs = [store.find(name) for name in sys.argv[1:]] or _all_runs(store)
    print(machine_name())
    results = []
    for run in runs:
        result = {"run": run.name, "epoch": run.epochs_done, **_measure(run, store)}
        results.append(result)
        _print(result)
    write_results("unknown", "python -m benchmarks.bench_unknown", {"runs": results})


def _all_runs(store: RunStore) -> list[Run]:
    restore_recorded_run(store)
    recorded_series(store, "duel")
    return [run for run in store.all() if run.epochs_done and not run.state.active]


def _measure(run: Run, store: RunStore) -> dict[str, Any]:
    from sklearn.metrics import roc_auc_score

    settings = store.settings
    model = open_checkpoint(store, run, default_weights(store, run))
    images = load_run_images(
        run, settings, most_train=_SEARCHED, most_reference=MAX_REFERENCE_IMAGES
    )
    few = load_run_images(
        run, settings, most_train=MAX_TRAINING_IMAGES, most_reference=MAX_REFERENCE_IMAGES
    )
    detector = make_detector(model, few.train.images, few.reference.images, few.reference_split)
    scores: dict[str, Scores] = {
        "energy": lambda pixels: energy(_logits(model, pixels)),
        "last hidden": _last_hidden(model, images.train.images),
        "all layers": lambda pixels: detector.distances.scores(model.layer_statistics(pixels)),
    }
    dataset = load_evaluation_data(run, settings)
    test = dataset.test.take(np.arange(min(_KNOWN, len(dataset.test))))
    kinds = dict(_others(dataset.info, run.experiment.architecture.input_shape))
    rows: dict[str, dict[str, float]] = {name: {} for name in scores}
    alarms: dict[str, dict[str, float]] = {name: {} for name in scores}
    for name, score in scores.items():
        limit = np.quantile(score(few.reference.images), 1 - FALSE_ALARM_RATE)
        known = score(test.images)
        alarms[name]["test images"] = float((known > limit).mean())
        for kind, pixels in kinds.items():
            other = score(pixels)
            truth = np.r_[np.zeros(len(known)), np.ones(len(other))]
            rows[name][kind] = float(roc_auc_score(truth, np.r_[known, other]))
            alarms[name][kind] = float((other > limit).mean())
    correct = model.probabilities(test.images).argmax(axis=1) == test.labels
    return {
        "accuracy": float(correct.mean()),
        "calibrated_on": few.reference_split,
        "auroc": rows,
        "warned": alarms,
    }


def energy(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return minus the log of the sum of the exponentials of each row, (n,)."""
    values = logits.astype(np.float64)
    highest = values.max(axis=1, keepdims=True)
    found: NDArray[np.float64] = -(highest[:, 0] + np.log(np.exp(values - highest).sum(axis=1)))
    return found


def logits_of(forward: ForwardPass, batch: Any) -> Any:
    """Return the logits of raw images, which are not mirrored."""
    return compute_logits(forward.nodes[-1].layer, forward.features(batch))


def _logits(model: TrainedModel, pixels: Pixels) -> NDArray[np.float32]:
    parts = [model.compute(logits_of, pixels[at : at + 250]) for at in range(0, len(pixels), 250)]
    return np.concatenate([part.numpy() for part in parts])


def _last_hidden(model: TrainedModel, train: Pixels) -> Scores:
    known = _directions(model.features(train)[0])
    kth = min(_NEIGHBOUR, len(known)) - 1

    def score(pixels: Pixels) -> NDArray[np.floating[Any]]:
        seen = _directions(model.features(pixels)[0])
        parts = [1 - seen[at : at + 250] @ known.T for at in range(0, len(seen), 250)]
        return np.concatenate([np.partition(part, kth, axis=1)[:, kth] for part in parts])

    return score


def _directions(features: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    return (features / np.maximum(lengths, 1e-12)).astype(np.float32)


def _others(info: DatasetInfo, shape: tuple[int, int, int]) -> Iterator[tuple[str, Pixels]]:
    random = np.random.default_rng(0)
    for name in DATASETS:
        other = find_dataset(name)
        if name != info.name and other.has_sample:
            taken = sample.read(other).test.images[:_OTHERS]
            yield other.title, np.stack([fit_to(_rgb(image), shape) for image in taken])
    yield "noise", random.integers(0, 256, (_OTHERS, *shape), np.uint8)
    sides = random.integers(shape[0], 10 * shape[0], _OTHERS)
    large = (random.integers(0, 256, (side, side, 3), np.uint8) for side in sides)
    yield "noise scaled down", np.stack([fit_to(picture, shape) for picture in large])
    colours = random.integers(0, 256, (_OTHERS, 1, 1, shape[2]), np.uint8)
    yield "plain colours", np.ascontiguousarray(np.broadcast_to(colours, (_OTHERS, *shape)))
    photos = _photos()
    yield (
        "photographs",
        np.stack([fit_to(_part(photos[i % len(photos)], random), shape) for i in range(_OTHERS)]),
    )


def _photos() -> list[Pixels]:
    from sklearn.datasets import load_sample_images

    photos = [np.asarray(image) for image in load_sample_images().images]
    try:
        from skimage import data
    except ImportError:
        return photos
    return [*photos, data.astronaut(), data.coffee(), data.rocket()]


def _part(photo: Pixels, random: np.random.Generator) -> Pixels:
    height, width = photo.shape[:2]
    side = int(random.integers(_SMALLEST_PART, min(height, width) + 1))
    top, left = random.integers(0, height - side + 1), random.integers(0, width - side + 1)
    return np.ascontiguousarray(photo[top : top + side, left : left + side])


def _rgb(image: Pixels) -> Pixels:
    return np.repeat(image, 3, axis=2) if image.shape[2] == 1 else image


def _print(result: Mapping[str, Any]) -> None:
    print(f"\n{result['run']}: accuracy {result['accuracy']:.3f}")
    for name, row in result["auroc"].items():
        cells = [
            f"{kind} {value:.2f} ({result['warned'][name][kind]:.0%})"
            for kind, value in row.items()
        ]
        mean = np.mean(list(row.values()))
        alarms = result["warned"][name]["test images"]
        print(f"  {name:12} mean {mean:.2f}, false {alarms:.1%}; {', '.join(cells)}", flush=True)


if __name__ == "__main__":
    main()
