"""What the histograms of each epoch cost, as a share of the time of an epoch.

For several presets: the median milliseconds to measure and store the histograms of an epoch, once
the graph is compiled, and that of an epoch on the full set at the measured speed.

    python -m benchmarks.bench_histograms [PRESET …]
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from cifarviz.data.image_set import Dataset, ImageSet
from cifarviz.datasets.registry import find_dataset
from cifarviz.experiment.presets import PRESETS
from cifarviz.processor import machine_name
from cifarviz.runs.artifacts import FolderArtifacts
from cifarviz.runs.snapshots import snapshot_path
from cifarviz.training.plan import make_plan
from cifarviz.training.snapshot_writer import SnapshotWriter
from cifarviz.training.step import TrainingTensors
from cifarviz.training.trainable import make_trainable

_PRESETS = ("cifar10-starter", "cifar10-vgg", "cifar10-fast", "fashion-mnist-cnn")
_TIMES = 9
_STEPS = 20


def main() -> None:
    """Print a line a preset."""
    print(machine_name())
    for name in sys.argv[1:] or _PRESETS:
        _measure(name)


def _measure(name: str) -> None:
    experiment = PRESETS[name].experiment
    plan = make_plan(experiment, _made_up_data(experiment.data.dataset))
    trainable = make_trainable(experiment, plan, TrainingTensors(plan.train), "float32")
    size = plan.batch_size
    batches = np.arange(_STEPS * size).reshape(_STEPS, size) % len(plan.train)
    rates = np.full(_STEPS, 1e-6, np.float32)
    steps = [_seconds(lambda: trainable.step(batches, rates, 1)) for _ in range(4)]
    epoch = min(steps[1:]) / _STEPS * plan.steps_per_epoch
    with tempfile.TemporaryDirectory(prefix="cifarviz-bench-") as folder:
        writer = SnapshotWriter(
            FolderArtifacts(Path(folder)),
            experiment,
            plan,
            _made_up_data(experiment.data.dataset),
            budget=10**9,
            pinned_images=tuple,
        )
        first = _seconds(lambda: writer.save_histograms(1, trainable.model))
        later = [
            _seconds(lambda: writer.save_histograms(1, trainable.model)) for _ in range(_TIMES)
        ]
        size = snapshot_path(Path(folder), "histograms", 1).stat().st_size
    own = statistics.median(later)
    print(
        f"{name}: {1000 * own:.0f} ms an epoch of {epoch:.1f} s, {own / epoch:.2%}; the first "
        f"{first:.1f} s; {size / 1000:.1f} kB an epoch"
    )


def _seconds(work: object) -> float:
    assert callable(work)
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _made_up_data(name: str) -> Dataset:
    info = find_dataset(name)
    generator = np.random.default_rng(0)

    def images(count: int) -> ImageSet:
        pixels = generator.integers(0, 256, (count, *info.image_shape), np.uint8)
        labels = generator.integers(0, len(info.classes), count, np.uint8)
        return ImageSet(pixels, labels, np.arange(count))

    return Dataset(info, "full", images(info.train_images), images(info.test_images))


if __name__ == "__main__":
    main()
