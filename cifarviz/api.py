"""The Python interface for notebooks and scripts: train, evaluate and plot runs.

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

A home is a folder of runs that the dashboard and the command line share: a run trained here is
live there. docs/python.md has a tested example of each function. Names that are not in
``__all__`` may change without notice.
"""

import os
import warnings
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from cifarviz.analysis.evaluation import Evaluation
from cifarviz.analysis.evaluation import evaluate as evaluate_predictions
from cifarviz.analysis.out_of_distribution import make_run_detector
from cifarviz.api_plots import (
    feature_map_image,
    plot_confusion,
    plot_network,
    plot_probabilities,
    plot_reliability,
)
from cifarviz.data import library
from cifarviz.data.image_set import Dataset
from cifarviz.data.pictures import FitMode, PreparedPicture, prepare_picture
from cifarviz.data.uploads import decode_file
from cifarviz.datasets.info import Variant
from cifarviz.datasets.own import use_folder
from cifarviz.datasets.registry import default_dataset, find_dataset
from cifarviz.errors import CifarvizError, ImageUnreadable
from cifarviz.executors.worker import Worker
from cifarviz.experiment.dataset_fitting import fit_experiment
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.presets import PRESETS, find_preset, patience_exceeds
from cifarviz.figures.history import history_curves, history_figure
from cifarviz.figures.history_comparison import (
    RunCurve,
    history_comparison,
    history_comparison_figure,
)
from cifarviz.figures.theme import METRIC_TITLES, MetricName
from cifarviz.loading import tensorflow_imports
from cifarviz.runs.log_probabilities import Predictions
from cifarviz.runs.records import Epoch, Run
from cifarviz.runs.run_data import load_evaluation_data
from cifarviz.runs.snapshots import WeightsChoice
from cifarviz.runs.states import Action, RunState
from cifarviz.runs.store import RunStore
from cifarviz.runs.stored_predictions import load_or_compute_predictions
from cifarviz.runs.stored_weights import stored_checkpoints
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

Pictures = str | Path | NDArray[np.uint8] | Sequence[str | Path | NDArray[np.uint8]]
"""Image files, or raw pixels, uint8 (n, height, width, channels) or a single image."""

# Without this, TensorFlow logs to standard error when it is imported, which is at its first use.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def open_home(path: str | Path | None = None) -> "Home":
    """Open the home in the folder ``path``, by default that of ``CIFARVIZ_HOME``.

    It is created if it does not exist. Raises ``StoreError`` if that fails, and ``UnknownFormat``
    for a home of a later version.
    """
    environment = dict(os.environ)
    if path is not None:
        environment["CIFARVIZ_HOME"] = str(path)
    return Home(Settings.from_environment(environment))


def presets() -> tuple[str, ...]:
    """Return the names of the presets."""
    return tuple(PRESETS)


def preset(
    name: str,
    *,
    data: Variant | None = None,
    dataset: str | None = None,
    train_images: int | None = None,
    **changes: Any,
) -> Experiment:
    """Return the experiment of a preset, optionally with changes.

    ``data``: ``"sample"``, the embedded sample (the default if the data set has one), or
    ``"full"``, which must be fetched first (``python -m cifarviz data fetch cifar10``).
    ``dataset``: another data set, to which the network is fitted. ``train_images``: the number of
    training images after the split. ``changes``: further fields of ``Experiment``, such as
    ``epochs``, ``batch_size``, ``seed``, ``precision``, ``optimizer``, ``architecture``. Early
    stopping is off if ``epochs`` are too few for its patience.

    Raises ``ExperimentInvalid`` for an unknown preset or invalid values.
    """
    experiment = find_preset(name).experiment
    if dataset is not None:
        use_folder(Settings.from_environment().datasets)
        experiment = fit_experiment(experiment, dataset)
    fields = dict(experiment)
    variant = data or find_dataset(experiment.data.dataset).variants[0]
    fields["data"] = {**dict(experiment.data), "variant": variant, "train_images": train_images}
    epochs = changes.get("epochs")
    if isinstance(epochs, int) and patience_exceeds(experiment, epochs):
        fields["early_stopping"] = None
    return Experiment.make(**{**fields, **changes})


def load_data(
    name: str | None = None, variant: Variant | None = None, home: "Home | None" = None
) -> Dataset:
    """Load a data set, such as ``"fashion-mnist"``; by default CIFAR-10.

    ``variant``: ``"sample"`` or ``"full"``; by default the sample if there is one. ``.train`` and
    ``.test`` have read-only arrays: ``images``, uint8 (n, height, width, channels), ``labels``
    (n,) and ``indices`` (n,) in the published data set. Raises ``DatasetNotFound`` if the full set
    has not been fetched.
    """
    settings = Settings.from_environment() if home is None else home.settings
    use_folder(settings.datasets)
    info = default_dataset() if name is None else find_dataset(name)
    return library.load(info, variant or info.variants[0], settings)


class Home:
    """The runs of one folder; returned by ``open_home``.

    A ``run`` argument is a ``Run``, its id or the start of its id. ``weights``: ``"best"`` and
    ``"last"`` for the best and the last epoch, a number for those saved after that epoch, ``None``
    for those that the dashboard uses.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.store = RunStore(settings)

    def __repr__(self) -> str:
        return f"Home({str(self.settings.home)!r})"

    def runs(self) -> list[Run]:
        """Return all runs, the newest first.

        A run with ``damage``, the reason as text, can only be deleted. An ``orphaned`` run is
        queued but its process has ended: ``resume`` starts it.
        """
        return self.store.all()

    def run(self, run: "str | Run") -> Run:
        """Return the current state of a run; raises ``RunNotFound``."""
        return self.store.get(run.id) if isinstance(run, Run) else self.store.find(run)

    def train(
        self,
        experiment: Experiment,
        name: str,
        *,
        on_epoch: Callable[[Epoch], None] | None = None,
    ) -> Run:
        """Train an experiment and return the run when it has ended.

        ``on_epoch`` is called after each epoch. Interrupting the kernel (Ctrl-C) stops the run and
        saves its weights. A failed run is returned, too: see its ``state`` and ``message``. While
        another run trains in this home, this run waits.

        Raises ``ExperimentInvalid`` and ``DatasetNotFound`` before anything is stored.
        """
        return self._watch(self.submit(experiment, name), on_epoch)

    def submit(self, experiment: Experiment, name: str) -> Run:
        """Queue an experiment for a background thread and return its run."""
        return self._worker.submit(experiment, name)

    def resume(self, run: "str | Run", *, on_epoch: Callable[[Epoch], None] | None = None) -> Run:
        """Resume a stopped, failed, interrupted or orphaned run; return it when it has ended.

        Raises ``RunNotFound``, and ``TransitionRefused`` for a finished run.
        """
        return self._watch(self._worker.resume(self.run(run).id), on_epoch)

    def wait(self, run: "str | Run", seconds: float | None = None) -> Run:
        """Wait until a run has ended, at most ``seconds``, and return its current state.

        An orphaned run is returned at once, as no process trains it.
        """
        run = self.run(run)
        return run if run.orphaned else self._worker.wait(run.id, seconds)

    def stop(self, run: "str | Run") -> None:
        """Request that a run stops; raises ``TransitionRefused`` if it has ended."""
        self.store.request(self.run(run).id, Action.STOP)

    def delete(self, run: "str | Run") -> None:
        """Delete a run and its files; raises ``TransitionRefused`` while it is active."""
        self.store.delete(self.run(run).id)

    def history(self, run: "str | Run") -> pd.DataFrame:
        """Return the history of a run, a row per epoch, indexed by epoch.

        Columns: ``loss``, ``accuracy``, ``val_loss``, ``val_accuracy``, ``learning_rate``,
        ``seconds``. Losses in nats, accuracies 0 to 1, NaN without validation. Losses before epoch
        ``run.exact_loss_from`` (all, if ``None``) were computed by an earlier version.
        """
        rows = self.store.epochs(self.run(run).id)
        frame = pd.DataFrame(rows, columns=list(Epoch._fields)).set_index("epoch")
        return frame.astype(float)

    def evaluate(self, run: "str | Run", *, weights: WeightsChoice | None = None) -> Evaluation:
        """Evaluate a run's network on the test images of its data set.

        The result has ``accuracy``, ``loss``, ``confusion`` (rows actual),
        ``per_class.to_frame()``, ``probabilities`` (n, classes) and more. If the full data set is
        not on this machine, the sample's test images are used, with a warning.

        Raises ``ArtifactMissing`` if the weights do not exist.
        """
        run = self.run(run)
        weights = self._choose_weights(run, weights)
        dataset = self._load_dataset(run)
        test, classes = dataset.test, dataset.info.classes

        def compute() -> Predictions:
            return self.model(run, weights=weights).predictions(test.images)

        if isinstance(weights, int):
            predictions = compute()
        else:
            predictions = load_or_compute_predictions(
                self.store.folder(run.id),
                weights,
                test,
                len(classes),
                compute,
                save=dataset.variant == run.experiment.data.variant,
            )
        return evaluate_predictions(test.labels, predictions, test.indices, classes)

    def predict(
        self,
        run: "str | Run",
        images: Pictures,
        *,
        weights: WeightsChoice | None = None,
        invert: bool | None = None,
    ) -> pd.DataFrame:
        """Return the predicted probabilities of images: a row per image, a column per class.

        ``images``: files (PNG, JPEG, WebP, BMP, GIF), cropped and scaled to the network's input
        (see ``prepare_picture``), or raw pixels, uint8 (n, height, width, channels) or a single
        image, used unchanged. ``invert``: swap light and dark in files; ``None``: swap if the data
        set is light on black and the picture's background is light.

        Raises ``ImageUnreadable`` and, for pixels of another shape, ``ExperimentInvalid``.
        """
        run = self.run(run)
        index, pixels = self._load_pixels(run, images, invert)
        probabilities = self.model(run, weights=weights).probabilities(pixels)
        classes = find_dataset(run.experiment.data.dataset).classes
        return pd.DataFrame(probabilities, index=index, columns=list(classes))

    def familiarity(
        self,
        run: "str | Run",
        images: Pictures,
        *,
        weights: WeightsChoice | None = None,
        invert: bool | None = None,
    ) -> pd.DataFrame:
        """Return whether a network knows anything like these images: a row per image.

        Columns: ``unknown``, ``score``, the distance to the training images, and ``threshold``,
        above which an image is probably nothing the network knows. It is calibrated on the run's
        validation images, else on test images, at a false-alarm rate of 5 %, which takes seconds.
        Arguments are those of ``predict``.

        Raises as ``predict`` and, without enough of the run's images, ``DataError``.
        """
        run = self.run(run)
        index, pixels = self._load_pixels(run, images, invert)
        model = self.model(run, weights=weights)
        detector = make_run_detector(run, model, self.settings)
        rows = [
            (judged.is_unknown, judged.score, judged.threshold)
            for judged in detector.judge(model.layer_statistics(pixels))
        ]
        return pd.DataFrame(rows, index=index, columns=["unknown", "score", "threshold"])

    def prepare_picture(
        self,
        run: "str | Run",
        path: str | Path,
        *,
        mode: FitMode = "crop",
        invert: bool | None = None,
    ) -> PreparedPicture:
        """Return an image file as a run's network receives it, the same as on the pages.

        ``pixels`` uint8 (height, width, channels), and ``notes``, which describe each change to
        the picture. ``mode``: "crop", "stretch" or "pad"; ``invert``: see ``predict``.
        """
        experiment = self.run(run).experiment
        return prepare_picture(
            decode_file(Path(path)),
            experiment.architecture.input_shape,
            dark_background=find_dataset(experiment.data.dataset).dark_background,
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
        """Return every layer's output for an image, by the layer's name, in order.

        Float32: feature maps (height, width, channels), which ``feature_map_image`` turns into a
        picture, or (units,).
        """
        run = self.run(run)
        _, pixels = self._load_pixels(run, image, invert)
        if len(pixels) != 1:
            raise ValueError(f"feature_maps needs exactly one image, not {len(pixels)}.")
        outputs = self.model(run, weights=weights).observe(pixels[0])
        return {output.name: output.values for output in outputs}

    def model(self, run: "str | Run", *, weights: WeightsChoice | None = None) -> "TrainedModel":
        """Return a run's network.

        Its methods: ``probabilities(images)``, ``observe(image)``,
        ``attention(image, layer, class_index)`` (Grad-CAM) and ``kernel(layer)``.
        """
        with tensorflow_imports(self.store.settings.home):
            from cifarviz.analysis.trained_model import open_checkpoint

        run = self.run(run)
        return open_checkpoint(self.store, run, self._choose_weights(run, weights))

    def plot_history(self, *runs: "str | Run", metric: MetricName = "loss") -> go.Figure:
        """Plot the loss, or ``metric="accuracy"``, of runs by epoch.

        For a single run, batches are plotted, too. Below the loss is the learning rate.
        """
        if metric not in METRIC_TITLES:
            raise ValueError(f"metric must be “loss” or “accuracy”, not “{metric}”.")
        selected = [self.run(run) for run in runs]
        curves = [self._run_curve(run, metric) for run in selected]
        if len(curves) != 1:
            return history_comparison_figure(history_comparison(metric, curves))
        run, curve = selected[0], curves[0]
        steps = run.progress.steps_per_epoch if run.progress is not None else 0
        batches = self.store.batch_points(run.id)
        return history_figure(
            history_curves(
                metric,
                epochs=curve.epochs,
                training=curve.training,
                validation=curve.validation,
                batch_epochs=batches.steps / steps if steps else (),
                batch_values=getattr(batches, metric) if steps else (),
                best_epoch=curve.best_epoch,
                stopped_early=curve.stopped_early,
                rates=() if curve.rates is None else curve.rates,
            )
        )

    def _run_curve(self, run: Run, metric: MetricName) -> RunCurve:
        history = self.history(run)
        validation = history[f"val_{metric}"]
        return RunCurve(
            name=run.name,
            epochs=history.index.to_numpy(),
            training=history[metric].to_numpy(),
            validation=None if validation.isna().all() else validation.to_numpy(),
            best_epoch=run.best_epoch,
            stopped_early=run.stopped_early,
            rates=history["learning_rate"].to_numpy(),
        )

    def _choose_weights(self, run: Run, weights: WeightsChoice | None) -> WeightsChoice:
        if weights is not None:
            return weights
        return next(iter(stored_checkpoints(self.store, run)), "last")

    @cached_property
    def _worker(self) -> Worker:
        return Worker(self.settings, "Python")

    def _watch(self, run: Run, on_epoch: Callable[[Epoch], None] | None) -> Run:
        reported = len(self.store.epochs(run.id))
        while True:
            try:
                run = self._worker.wait(run.id, seconds=0.5)
                new = self.store.epochs(run.id)[reported:]
                reported += len(new)
                if on_epoch is not None:
                    for epoch in new:
                        on_epoch(epoch)
            except KeyboardInterrupt:
                self.stop(run)
            if not run.state.active:
                return run

    def _load_dataset(self, run: Run) -> Dataset:
        data = run.experiment.data
        dataset = load_evaluation_data(run, self.settings)
        if dataset.variant != data.variant:
            warnings.warn(
                f"The full set of {data.dataset} is not on this machine, so the test images of "
                "the sample are used.",
                stacklevel=3,
            )
        return dataset

    def _load_pixels(self, run: Run, images: Any, invert: bool | None) -> tuple[list[Any], Any]:
        """Return the images' names and their pixels, uint8 (n, height, width, channels)."""
        if isinstance(images, np.ndarray):
            batch = images[None] if images.ndim == 3 else images
            return list(range(len(batch))), batch
        shape = run.experiment.architecture.input_shape
        names: list[Any] = []
        pixels = []
        for number, image in enumerate([images] if isinstance(images, str | Path) else images):
            if isinstance(image, str | Path):
                names.append(str(image))
                pixels.append(self.prepare_picture(run, image, invert=invert).pixels)
            elif isinstance(image, np.ndarray) and image.shape == shape and image.dtype == np.uint8:
                names.append(number)
                pixels.append(image)
            else:
                raise ImageUnreadable(
                    "Image {number} must be a file's path or raw pixels, uint8 of shape {shape}.",
                    number=number,
                    shape=shape,
                )
        return names, np.array(pixels, np.uint8).reshape(-1, *shape)
