"""Feature maps and a confusion matrix, against the way the published experiment draws them.

There, each layer is a model of its own that is asked with ``predict`` and drawn by matplotlib as
a strip of all its channels; a network is evaluated with ``predict`` and a drawn matrix. The
models are built beforehand, which is to their advantage. Here, it is what Inside and Evaluate do
for another image and another epoch, up to the pictures that they send. The network is that of the
recorded run; in turns, in one process.

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
from cifarviz.runs.artifacts import checkpoint_path, load_arrays
from cifarviz.runs.machine import machine_name
from cifarviz.runs.recorded import restore_recorded_run
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import load_predictions
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings

matplotlib.use("Agg")
from matplotlib import pyplot


@dataclass(frozen=True, eq=False)
class Plain:
    """The network as plain Keras has it: raw pixels in; and a model for each layer with maps."""

    model: keras.Model
    layers: list[keras.Model]

    def draw_maps(self, image: np.ndarray) -> None:
        """Ask and draw layer by layer: channels standardised, × 64 + 128, as one strip each."""
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
        """Ask about all test images; draw the matrix with its 100 numbers."""
        from sklearn.metrics import confusion_matrix as count

        said = self.model.predict(data.test.images, verbose=0).argmax(axis=1)
        matrix = count(data.test.labels, said)
        figure = pyplot.figure(figsize=(8, 8))
        pyplot.imshow(matrix)
        for (row, column), number in np.ndenumerate(matrix):
            pyplot.text(column, row, str(number), ha="center")
        figure.savefig(io.BytesIO())
        pyplot.close(figure)


def plain_keras(run: Run, folder: Path) -> Plain:
    """The run's last weights in a Keras model."""
    assert run.scaling is not None
    model = build(run.experiment.architecture, run.scaling)
    arrays, _ = load_arrays(checkpoint_path(folder, "last"))
    assign(model, arrays)
    shown = [layer for layer in model.layers[2:] if len(layer.output.shape) == 4]
    return Plain(model, [keras.Model(model.inputs, layer.output) for layer in shown])


def our_maps(model: TrainedModel, image: np.ndarray) -> None:
    """What Inside works out and sends of all layers."""
    for view in layer_views(model.observe(image)):
        if view.maps is not None:
            sprite(view.maps.images)


def our_matrix(folder: Path, epoch: int, data: Dataset) -> None:
    """What Evaluate works out and sends for another epoch of the slider."""
    answers = load_predictions(folder, epoch, 10)
    # Labels of the images that this machine may not have: it is about the time.
    labels = np.resize(data.train.labels, len(answers.indices))
    found = evaluate(labels, answers.predictions, answers.indices, CIFAR10.classes)
    confusion_matrix_figure(confusion_matrix(CIFAR10.classes, found.confusion)).to_json()


def our_fresh_matrix(model: TrainedModel, data: Dataset) -> None:
    """What Evaluate does about weights that it has never asked about all test images."""
    said = model.predictions(data.test.images)
    found = evaluate(data.test.labels, said, data.test.indices, CIFAR10.classes)
    confusion_matrix_figure(confusion_matrix(CIFAR10.classes, found.confusion)).to_json()


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
            "plain maps": lambda turn: plain.draw_maps(data.test.images[turn]),
            "our maps": lambda turn: our_maps(ours, data.test.images[turn]),
            "plain matrix": lambda turn: plain.draw_matrix(data),
            "our matrix, fresh": lambda turn: our_fresh_matrix(ours, data),
            "our matrix, another epoch": lambda turn: our_matrix(folder, 1 + turn % 30, data),
        }
        seconds: dict[str, list[float]] = {name: [] for name in jobs}
        # The first turn traces and loads.
        for turn in range(rounds + 1):
            for name, job in jobs.items():
                began = time.perf_counter()
                job(turn)
                if turn:
                    seconds[name].append(time.perf_counter() - began)
    print(f"{machine_name()}; the recorded cifar10-vgg, {len(plain.layers)} layers with maps")
    print(f"{len(data.test):,} test images; medians of {rounds}")
    for name, found in seconds.items():
        print(f"{name:26} {1000 * median(found):8.1f} ms")
    write_results(
        "maps",
        "python -m benchmarks.bench_maps",
        {"seconds": seconds, "test_images": len(data.test)},
    )


if __name__ == "__main__":
    main()
