"""cifarviz in a notebook or a script: runs of a home, trained, evaluated and drawn.

>>> from cifarviz import api
>>> home = api.open_home("my-runs")
>>> experiment = api.preset("cifar10-starter", train_images=64, batch_size=32, epochs=1)
>>> run = home.train(experiment, name="first try")
>>> run.state, run.epochs_done
(<RunState.FINISHED: 'finished'>, 1)
>>> home.history(run)[["loss", "accuracy"]].shape
(1, 2)
>>> evaluation = home.evaluate(run)
>>> evaluation.confusion.sum()
np.int64(1000)

A home is the folder that the dashboard and the command line work on, too: a run that is trained
here shows live there. docs/python.md has an example for each function; the examples are run as
tests. Names that are not in ``__all__`` may change without notice.
"""

import os
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray
from PIL import Image

from cifarviz.analysis.calibration import compute_calibration
from cifarviz.analysis.evaluation import Evaluation
from cifarviz.analysis.evaluation import evaluate as evaluate_predictions
from cifarviz.analysis.feature_maps import scale_channels
from cifarviz.data import library
from cifarviz.data.image_set import Dataset
from cifarviz.data.pictures import FitMode, PreparedPicture, prepare_picture
from cifarviz.data.uploads import decode_file
from cifarviz.datasets.info import Variant
from cifarviz.datasets.registry import default_dataset, find
from cifarviz.errors import CifarvizError, ImageUnreadable
from cifarviz.executors.worker import Worker
from cifarviz.experiment.dataset_fitting import fit_experiment
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.presets import PRESETS, find_preset, is_too_patient
from cifarviz.figures.confusion_matrix import CellValues, confusion_matrix, confusion_matrix_figure
from cifarviz.figures.history import history_curves, history_figure
from cifarviz.figures.history_comparison import (
    RunCurve,
    history_comparison,
    history_comparison_figure,
)
from cifarviz.figures.network_diagram import network_diagram, network_diagram_figure
from cifarviz.figures.pictures import channel_grid
from cifarviz.figures.probabilities import probabilities, probabilities_figure
from cifarviz.figures.reliability import Reliability, reliability_figure
from cifarviz.figures.theme import METRIC_TITLES, MetricName
from cifarviz.runs.kept_weights import kept_checkpoints
from cifarviz.runs.log_probabilities import Predictions
from cifarviz.runs.records import Epoch, Run
from cifarviz.runs.snapshots import WeightsChoice
from cifarviz.runs.states import Action, RunState
from cifarviz.runs.store import RunStore
from cifarviz.runs.stored_probabilities import kept_or_asked
from cifarviz.settings import Settings

if TYPE_CHECKING:
    from cifarviz.analysis.trained_model import TrainedModel

__all__ = [
    "CifarvizError",
    "Dataset",
    "Evaluation",
    "Experiment",
    "Home",
    "Run",
    "RunState",
    "feature_map_image",
    "load_data",
    "open_home",
    "plot_confusion",
    "plot_network",
    "plot_probabilities",
    "plot_reliability",
    "preset",
    "presets",
]

# TensorFlow greets on standard error when it is imported, which this file leaves to the first use.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def open_home(path: str | Path | None = None) -> "Home":
    """Open the home in the folder ``path``, or the one that ``CIFARVIZ_HOME`` names.

    It is made where there is none. Raises ``StoreError`` where that cannot be done, and
    ``UnknownFormat`` for a home of a later version.
    """
    environment = dict(os.environ)
    if path is not None:
        environment["CIFARVIZ_HOME"] = str(path)
    return Home(Settings.from_environment(environment))


def presets() -> tuple[str, ...]:
    """Return the names that ``preset`` takes."""
    return tuple(PRESETS)


def preset(
    name: str,
    *,
    data: Variant | None = None,
    dataset: str | None = None,
    train_images: int | None = None,
    **changes: Any,
) -> Experiment:
    """Return the experiment of a preset, with some of it changed.

    ``data``: ``"sample"``, the embedded sample, which is meant where there is one, or ``"full"``,
    the full set, which has to be fetched first (``python -m cifarviz data fetch cifar10``).
    ``dataset``: another than the preset's, to which its network is fitted. ``train_images``: train
    on so many only, counted after the split. ``changes`` are further fields of ``Experiment``:
    ``epochs``, ``batch_size``, ``seed``, ``precision``, ``optimizer``, ``architecture``, …. Early
    stopping is left out where the run has
    so few epochs that it could never stop it.

    Raises ``ExperimentInvalid`` for an unknown preset and for choices that do not fit together.
    """
    experiment = find_preset(name).experiment
    if dataset is not None:
        experiment = fit_experiment(experiment, dataset)
    fields = dict(experiment)
    variant = data or find(experiment.data.dataset).variants[0]
    fields["data"] = {**dict(experiment.data), "variant": variant, "train_images": train_images}
    epochs = changes.get("epochs")
    if isinstance(epochs, int) and is_too_patient(experiment, epochs):
        fields["early_stopping"] = None
    return Experiment.make(**{**fields, **changes})


def load_data(
    name: str | None = None, variant: Variant | None = None, home: "Home | None" = None
) -> Dataset:
    """Load a data set, such as ``"fashion-mnist"``; CIFAR-10 where none is named.

    ``variant`` is ``"sample"`` or ``"full"``, the former where there is a sample.
    ``.train`` and ``.test`` have ``images`` uint8 (n, height, width, channels) and ``labels``
    (n,), both read-only, and ``indices``, the official numbers of the images. Raises
    ``DatasetNotFound`` where the full set has not been fetched.
    """
    settings = Settings.from_environment() if home is None else home.settings
    info = default_dataset() if name is None else find(name)
    return library.load(info, variant or info.variants[0], settings)


class Home:
    """The runs of one folder; ``open_home`` makes it.

    Wherever a ``run`` is asked for, a ``Run``, its id or the beginning of its id will do; where
    ``weights`` are, ``"best"`` and ``"last"`` are those of the best epoch and of the end, a number
    those that were saved after that epoch, and ``None`` those that the run's pages show.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.store = RunStore(settings)
        self._worker: Worker | None = None

    def __repr__(self) -> str:
        return f"Home({str(self.settings.home)!r})"

    def runs(self) -> list[Run]:
        """Return all runs, the newest first.

        Of one whose record is damaged, ``damage`` says what is wrong: it can only be deleted.
        ``orphaned`` is a queued one whose process has ended: ``resume`` takes it up.
        """
        return self.store.all()

    def run(self, run: "str | Run") -> Run:
        """Return a run as it is now; raises ``RunNotFound``."""
        return self.store.get(run.id) if isinstance(run, Run) else self.store.find(run)

    def train(
        self,
        experiment: Experiment,
        name: str,
        *,
        on_epoch: Callable[[Epoch], None] | None = None,
    ) -> Run:
        """Train an experiment and return the run when it is over.

        ``on_epoch`` is called with each finished epoch. Interrupting the kernel (Ctrl-C) stops the
        run and keeps what it has learned. A run that fails is returned too: ``state`` says so, and
        ``message`` why. While another run trains in this home, this one waits.

        Raises ``ExperimentInvalid`` and ``DatasetNotFound`` before anything is stored.
        """
        return self._watch(self.submit(experiment, name), on_epoch)

    def submit(self, experiment: Experiment, name: str) -> Run:
        """Queue an experiment and return at once; it trains in a background thread."""
        return self._own_worker().submit(experiment, name)

    def resume(self, run: "str | Run", *, on_epoch: Callable[[Epoch], None] | None = None) -> Run:
        """Go on with a stopped, failed, interrupted or orphaned run; return it when it is over.

        Raises ``RunNotFound``, and ``TransitionRefused`` for a finished run.
        """
        return self._watch(self._own_worker().resume(self.run(run).id), on_epoch)

    def wait(self, run: "str | Run", seconds: float | None = None) -> Run:
        """Wait until a run is over, at most so many seconds, and return it as it is then.

        An orphaned run is returned at once: no process trains it.
        """
        found = self.run(run)
        return found if found.orphaned else self._own_worker().wait(found.id, seconds)

    def stop(self, run: "str | Run") -> None:
        """Ask a run under way to stop; raises ``TransitionRefused`` for one that is over."""
        self.store.request(self.run(run).id, Action.STOP)

    def delete(self, run: "str | Run") -> None:
        """Remove a run and its files; raises ``TransitionRefused`` while it is active."""
        self.store.delete(self.run(run).id)

    def history(self, run: "str | Run") -> pd.DataFrame:
        """Return a row an epoch, by its number.

        Columns: ``loss``, ``accuracy``, ``val_loss``, ``val_accuracy``, ``learning_rate``,
        ``seconds``. Losses in nats, accuracies 0 to 1, NaN where nothing was validated. Before
        epoch ``run.exact_loss_from`` an earlier version computed the losses (all, if ``None``).
        """
        rows = self.store.epochs(self.run(run).id)
        frame = pd.DataFrame(rows, columns=list(Epoch._fields)).set_index("epoch")
        return frame.astype(float)

    def evaluate(self, run: "str | Run", *, weights: WeightsChoice | None = None) -> Evaluation:
        """Measure a run's network on the test images of its data set.

        ``accuracy``, ``loss``, ``confusion`` (rows actual), ``per_class.to_frame()``,
        ``probabilities`` (n, classes), and more. Where the run's full data set is not on this
        machine, the test images of the sample are taken, with a warning.

        Raises ``ArtifactMissing`` where the weights are not there.
        """
        found = self.run(run)
        which = self._weights(found, weights)
        dataset = self._dataset_of(found)
        test, classes = dataset.test, dataset.info.classes

        def compute() -> Predictions:
            return self.model(found, weights=which).predictions(test.images)

        if isinstance(which, int):
            predictions = compute()
        else:
            predictions = kept_or_asked(
                self.store.folder(found.id),
                which,
                test,
                len(classes),
                compute,
                keep=dataset.variant == found.experiment.data.variant,
            )
        return evaluate_predictions(test.labels, predictions, test.indices, classes)

    def predict(
        self,
        run: "str | Run",
        images: "str | Path | NDArray[np.uint8] | Sequence[str | Path | NDArray[np.uint8]]",
        *,
        weights: WeightsChoice | None = None,
        invert: bool | None = None,
    ) -> pd.DataFrame:
        """Return what a run's network says of images: a row an image, a column a class.

        ``images``: files (PNG, JPEG, WebP, BMP, GIF), which are cropped and scaled to the
        network's input (``prepare_picture`` says how), or raw pixels, uint8 (n, height, width,
        channels) or one image, taken as they are. ``invert`` turns light into dark in files;
        ``None``: where the data set is light on black and the picture's background is light.

        Raises ``ImageUnreadable`` and, for pixels of another shape, ``ExperimentInvalid``.
        """
        found = self.run(run)
        index, pixels = self._read(found, images, invert)
        answers = self.model(found, weights=weights).probabilities(pixels)
        classes = find(found.experiment.data.dataset).classes
        return pd.DataFrame(answers, index=index, columns=list(classes))

    def prepare_picture(
        self,
        run: "str | Run",
        path: str | Path,
        *,
        mode: FitMode = "crop",
        invert: bool | None = None,
    ) -> PreparedPicture:
        """Return what a run's network is given of an image file, as on the pages.

        ``pixels`` uint8 (height, width, channels), and ``notes``: what was done to the picture,
        each a sentence as text. ``mode``: "crop", "stretch" or "pad"; ``invert``: see ``predict``.
        """
        experiment = self.run(run).experiment
        return prepare_picture(
            decode_file(Path(path)),
            experiment.architecture.input_shape,
            dark_background=find(experiment.data.dataset).dark_background,
            mode=mode,
            invert=invert,
        )

    def feature_maps(
        self,
        run: "str | Run",
        image: "str | Path | NDArray[np.uint8]",
        *,
        weights: WeightsChoice | None = None,
        invert: bool | None = None,
    ) -> dict[str, NDArray[np.float32]]:
        """Return every layer's output for one image, by the layer's name, in order.

        Float32: (height, width, channels) of layers with maps, (units,) of the others.
        ``feature_map_image`` makes a picture of the former.
        """
        found = self.run(run)
        _, pixels = self._read(found, image, invert)
        if len(pixels) != 1:
            raise ValueError(f"feature_maps looks at one image, and {len(pixels)} came.")
        outputs = self.model(found, weights=weights).observe(pixels[0])
        return {output.name: output.values for output in outputs}

    def model(self, run: "str | Run", *, weights: WeightsChoice | None = None) -> "TrainedModel":
        """Return a run's network, for what the other methods do not offer.

        ``probabilities(images)``, ``observe(image)``, ``attention(image, layer, class_index)``
        (Grad-CAM) and ``kernel(layer)``.
        """
        from cifarviz.analysis.trained_model import open_checkpoint

        found = self.run(run)
        return open_checkpoint(self.store, found, self._weights(found, weights))

    def plot_history(self, *runs: "str | Run", metric: MetricName = "loss") -> go.Figure:
        """Draw the loss, or ``metric="accuracy"``, of one run or several over their epochs.

        Of one alone the single batches are drawn, too. Under the loss is the learning rate.
        """
        if metric not in METRIC_TITLES:
            raise ValueError(f"metric is “loss” or “accuracy”, not “{metric}”")
        found = [self.run(run) for run in runs]
        if len(found) == 1:
            return self._plot_one_history(found[0], metric)
        curves = []
        for run in found:
            epochs, training, validation, rates = self._curves(run, metric)
            curves.append(
                RunCurve(
                    name=run.name,
                    epochs=epochs,
                    training=training,
                    validation=validation,
                    best_epoch=run.best_epoch,
                    stopped_early=run.stopped_early,
                    rates=rates,
                )
            )
        return history_comparison_figure(history_comparison(metric, curves))

    def _plot_one_history(self, run: Run, metric: MetricName) -> go.Figure:
        epochs, training, validation, rates = self._curves(run, metric)
        steps = run.progress.steps_per_epoch if run.progress is not None else 0
        batches = self.store.batch_points(run.id)
        return history_figure(
            history_curves(
                metric,
                epochs=epochs,
                training=training,
                validation=validation,
                batch_epochs=batches.steps / steps if steps else (),
                batch_values=getattr(batches, metric) if steps else (),
                best_epoch=run.best_epoch,
                stopped_early=run.stopped_early,
                rates=rates,
            )
        )

    def _curves(
        self, run: Run, metric: MetricName
    ) -> tuple[
        NDArray[np.int64], NDArray[np.float64], NDArray[np.float64] | None, NDArray[np.float64]
    ]:
        """The epochs' numbers, the metric in training and, if there was one, in validation, and
        the learning rates.
        """
        history = self.history(run)
        validation = history[f"val_{metric}"]
        return (
            history.index.to_numpy(),
            history[metric].to_numpy(),
            None if validation.isna().all() else validation.to_numpy(),
            history["learning_rate"].to_numpy(),
        )

    def _weights(self, run: Run, weights: WeightsChoice | None) -> WeightsChoice:
        if weights is not None:
            return weights
        return next(iter(kept_checkpoints(self.store, run)), "last")

    def _own_worker(self) -> Worker:
        if self._worker is None:
            self._worker = Worker(self.settings, "Python")
        return self._worker

    def _watch(self, run: Run, on_epoch: Callable[[Epoch], None] | None) -> Run:
        worker, told = self._own_worker(), len(self.store.epochs(run.id))
        while True:
            try:
                run = worker.wait(run.id, seconds=0.5)
                new = self.store.epochs(run.id)[told:]
                told += len(new)
                if on_epoch is not None:
                    for epoch in new:
                        on_epoch(epoch)
            except KeyboardInterrupt:
                self.stop(run)
            if not run.state.active:
                return run

    def _dataset_of(self, run: Run) -> Dataset:
        data = run.experiment.data
        found = library.load_nearest(data.dataset, data.variant, self.settings)
        if found.variant != data.variant:
            warnings.warn(
                f"The full set of {data.dataset} is not on this machine: the test images of the "
                "sample are taken.",
                stacklevel=3,
            )
        return found

    def _read(self, run: Run, images: Any, invert: bool | None) -> tuple[list[Any], Any]:
        """Names of the images, and their pixels, uint8 (n, height, width, channels)."""
        if isinstance(images, np.ndarray):
            batch = images[None] if images.ndim == 3 else images
            return list(range(len(batch))), batch
        given = [images] if isinstance(images, str | Path) else list(images)
        shape = run.experiment.architecture.input_shape
        names: list[Any] = []
        pixels = []
        for number, one in enumerate(given):
            if isinstance(one, str | Path):
                names.append(str(one))
                pixels.append(self.prepare_picture(run, one, invert=invert).pixels)
            elif isinstance(one, np.ndarray) and one.shape == shape and one.dtype == np.uint8:
                names.append(number)
                pixels.append(one)
            else:
                neither = (
                    "Image {number} is neither a file's path nor raw pixels, uint8 of {shape}."
                )
                raise ImageUnreadable(neither, number=number, shape=shape)
        return names, np.array(pixels, np.uint8).reshape(-1, *shape)


def plot_network(experiment: Experiment) -> go.Figure:
    """Draw the layers of an experiment's network with their output shapes."""
    network = experiment.architecture
    layers = [
        (row.name, layer.type, row.output_shape, row.parameters, row.problem is not None)
        for layer, row in zip(network.layers, network.trace().rows, strict=True)
    ]
    return network_diagram_figure(network_diagram(layers, input_shape=network.input_shape))


def plot_confusion(evaluation: Evaluation, *, percent: bool = False) -> go.Figure:
    """Draw the confusion matrix of an evaluation, in images or in percent of each actual class."""
    shown: CellValues = "row_percent" if percent else "counts"
    return confusion_matrix_figure(
        confusion_matrix(evaluation.classes, evaluation.confusion, shown=shown)
    )


def plot_probabilities(prediction: pd.Series, actual: str | None = None) -> go.Figure:
    """Draw one row of what ``Home.predict`` returned; ``actual`` is the true class's name."""
    classes = [str(name) for name in prediction.index]
    return probabilities_figure(
        probabilities(
            classes,
            prediction.to_numpy(),
            actual=None if actual is None else classes.index(actual),
        )
    )


def plot_reliability(evaluation: Evaluation) -> go.Figure:
    """Draw how often an evaluated network is right against how confident it is."""
    found = compute_calibration(evaluation.labels, evaluation.probabilities)
    return reliability_figure(Reliability(found.counts, found.confidence, found.accuracy))


def feature_map_image(maps: NDArray[np.floating]) -> Image.Image:
    """Return all channels of a layer, (height, width, channels), as one grey picture.

    Each channel has a scale of its own, as on the page Inside.
    """
    if maps.ndim != 3:
        raise ValueError(f"maps must be (height, width, channels), not of shape {maps.shape}")
    scaled = scale_channels(np.asarray(maps, np.float32))
    return Image.fromarray(channel_grid(scaled.images))
