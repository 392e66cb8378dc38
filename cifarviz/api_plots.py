"""The plots and pictures of the Python interface, ``cifarviz.api``, which need no home."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray
from PIL import Image

from cifarviz.analysis.calibration import compute_calibration
from cifarviz.analysis.evaluation import Evaluation
from cifarviz.analysis.feature_maps import scale_channels
from cifarviz.experiment.experiment import Experiment
from cifarviz.figures.confusion_matrix import CellValues, confusion_matrix, confusion_matrix_figure
from cifarviz.figures.network_diagram import drawn_row, network_diagram, network_diagram_figure
from cifarviz.figures.pictures import channel_grid
from cifarviz.figures.probabilities import probabilities, probabilities_figure
from cifarviz.figures.reliability import Reliability, reliability_figure


def plot_network(experiment: Experiment) -> go.Figure:
    """Plot the layers of an experiment's network with their output shapes."""
    network = experiment.architecture
    layers = map(drawn_row, network.trace().rows)
    return network_diagram_figure(network_diagram(layers, input_shape=network.input_shape))


def plot_confusion(evaluation: Evaluation, *, percent: bool = False) -> go.Figure:
    """Plot the confusion matrix, in images or in percent of each actual class."""
    shown: CellValues = "row_percent" if percent else "counts"
    return confusion_matrix_figure(
        confusion_matrix(evaluation.classes, evaluation.confusion, shown=shown)
    )


def plot_probabilities(prediction: pd.Series, actual: str | None = None) -> go.Figure:
    """Plot a row of ``Home.predict``'s result; ``actual`` is the name of the true class."""
    classes = [str(name) for name in prediction.index]
    return probabilities_figure(
        probabilities(
            classes,
            prediction.to_numpy(),
            actual=None if actual is None else classes.index(actual),
        )
    )


def plot_reliability(evaluation: Evaluation) -> go.Figure:
    """Plot the accuracy of an evaluated network against its confidence."""
    bins = compute_calibration(evaluation.labels, evaluation.probabilities)
    return reliability_figure(Reliability(bins.counts, bins.confidence, bins.accuracy))


def feature_map_image(maps: NDArray[np.floating]) -> Image.Image:
    """Return all channels of a layer, (height, width, channels), as one grey picture.

    Each channel has its own scale, as on the page Inside.
    """
    if maps.ndim != 3:
        raise ValueError(f"maps must have shape (height, width, channels), not {maps.shape}.")
    scaled = scale_channels(np.asarray(maps, np.float32))
    return Image.fromarray(channel_grid(scaled.images))
