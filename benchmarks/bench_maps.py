"""Time of feature maps and a confusion matrix, compared with the published experiment's code.

That code has a model per layer, calls ``predict`` and draws a strip of all channels with
matplotlib; it evaluates with ``predict`` and a drawn matrix. Its models are built before the
measurement. cifarviz does what Inside and Evaluate do for another image or epoch, including the
pictures they send. Both use the network of the recorded run, alternately, in one process.

    python -m benchmarks.bench_maps [ROUNDS]
"""

import io
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import keras
import matplotlib
import numpy as np

from benchmarks.results_file import write_results
from cifarviz.analysis.evaluation import evaluate
from cifarviz.analysis.feature_maps import layer_views
from cifarviz.analysis.trained_model import TrainedModel, open_checkpoint
from cifarviz.data import library
from cifarviz.data.image_set import Dataset
from cifarviz.datasets.cifar10 import CIFAR10
from cifarviz.figures.confusion_matrix import confusion_matrix, confusion_matrix_figure
from cifarviz.figures.sprite import sprite
from cifarviz.network.build import build
from cifarviz.network.variables import assign
from cifarviz.processor import machine_name
from cifarviz.runs.artifacts import checkpoint_path, load_arrays
from cifarviz.runs.recorded import restore_recorded_run
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import load_predictions
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings

matplotlib.use("Agg")
from matplotlib import pyplot


@dataclass(frozen=True, eq=False)
class PlainKeras:
    """The network in plain Keras, from raw pixels, and a model for each layer with maps."""

    model: keras.Model
    layers: list[keras.Model]

    def draw_maps(self, image: np.ndarray) -> None:
        """Predict and draw each layer as a strip of channels, standardised, × 64 + 128."""
        for layer in self.layers:
            maps = layer.predict(image[np.newaxis], verbose=0)[0]
            height, width, channels = maps.shape
            strip = np.zeros((height, channels * width))
            for channel in range(channels):
                values = maps[..., channel] - maps[..., channel].mean()
                values = values / (values.std() or 1) * 64 + 128
                strip[:, channel * width : (channel + 1) * width] = np.clip(values, 0, 255)
            figure = pyplot.figure(figsize=(20, 20 / channels))
            pyplot.imshow(strip, aspect="auto", cmap="viridis")
            figure.savefig(io.BytesIO())
            pyplot.close(figure)

    def draw_matrix(self, data: Dataset) -> None:
        """Predict all test images and draw the matrix with its 100 numbers."""
        from sklearn.metrics import confusion_matrix as count

        predicted = self.model.predict(data.test.images, verbose=0).argmax(axis=1)
        matrix = count(data.test.labels, predicted)
        figure = pyplot.figure(figsize=(8, 8))
        pyplot.imshow(matrix)
        for (row, column), number in np.ndenumerate(matrix):
            pyplot.text(column, row, str(number), ha="center")
        figure.savefig(io.BytesIO())
        pyplot.close(figure)


def plain_keras(run: Run, folder: Path) -> PlainKeras:
    """Return the run's last weights in a Keras model."""
    assert run.scaling is not None
    model = build(run.experiment.architecture, run.scaling)
    arrays, _ = load_arrays(checkpoint_path(folder, "last"))
    assign(model, arrays)
    layers = [layer for layer in model.layers[2:] if len(layer.output.shape) == 4]
    return PlainKeras(model, [keras.Model(model.inputs, layer.output) for layer in layers])


def our_maps(model: TrainedModel, image: np.ndarray) -> None:
    """Compute what Inside sends for all layers."""
    for view in layer_views(model.observe(image)):
        if view.maps is not None:
            sprite(view.maps.images)


def our_matrix(folder: Path, epoch: int, data: Dataset) -> None:
    """Compute what Evaluate sends for another epoch of the slider."""
    stored = load_predictions(folder, epoch, 10)
    # Any labels do for measuring time; the true ones may not be on this machine.
    labels = np.resize(data.train.labels, len(stored.indices))
    evaluation = evaluate(labels, stored.predictions, stored.indices, CIFAR10.classes)
    confusion_matrix_figure(confusion_matrix(CIFAR10.classes, evaluation.confusion)).to_json()


def our_fresh_matrix(model: TrainedModel, data: Dataset) -> None:
    """Compute what Evaluate sends for weights without stored predictions."""
    predictions = model.predictions(data.test.images)
    evaluation = evaluate(data.test.labels, predictions, data.test.indices, CIFAR10.classes)
    confusion_matrix_figure(confusion_matrix(CIFAR10.classes, evaluation.confusion)).to_json()


def main() -> None:
    """Print the ratios and write them to the results."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    own = Settings.from_environment()
    full = library.status(CIFAR10, own).full_available
    data = library.load(CIFAR10, "full" if full else "sample", own)
    with tempfile.TemporaryDirectory(prefix="cifarviz-bench-") as home:
        store = RunStore(replace(own, home=Path(home)))
        run = restore_recorded_run(store)
        folder = store.folder(run.id)
        plain, ours = plain_keras(run, folder), open_checkpoint(store, run, "last")
        jobs: dict[str, Callable[[int], None]] = {
            "plain maps": lambda number: plain.draw_maps(data.test.images[number]),
            "our maps": lambda number: our_maps(ours, data.test.images[number]),
            "plain matrix": lambda number: plain.draw_matrix(data),
            "our matrix, fresh": lambda number: our_fresh_matrix(ours, data),
            "our matrix, another epoch": lambda number: our_matrix(folder, 1 + number % 30, data),
        }
        seconds: dict[str, list[float]] = {name: [] for name in jobs}
        # The first round traces and loads.
        for number in range(rounds + 1):
            for name, job in jobs.items():
                began = time.perf_counter()
                job(number)
                if number:
                    seconds[name].append(time.perf_counter() - began)
    print(f"{machine_name()}; the recorded cifar10-vgg, {len(plain.layers)} layers with maps")
    print(f"{len(data.test):,} test images; medians of {rounds}")
    for name, durations in seconds.items():
        print(f"{name:26} {1000 * median(durations):8.1f} ms")
    write_results(
        "maps",
        "python -m benchmarks.bench_maps",
        {"seconds": seconds, "test_images": len(data.test)},
    )


if __name__ == "__main__":
    main()
