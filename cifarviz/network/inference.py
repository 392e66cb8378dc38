"""A network's predictions for images."""

import math
import threading
import weakref
from collections.abc import Callable, Iterator

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from cifarviz.errors import ExperimentInvalid
from cifarviz.experiment.prediction_views import PredictionViews
from cifarviz.layers.base import format_shape
from cifarviz.network.build import RESCALING
from cifarviz.network.graph import run
from cifarviz.network.threads import batch_parts, split_batch

# Model.predict costs 50 ms per call and leaks memory, and calling the model without a graph is up
# to four times slower. So each model has own graphs, for each number of parts that a batch is
# split into; they are traced when they are first used.
_Graphs = dict[int, Callable[[tf.Tensor], tf.Tensor]]
_graphs: "weakref.WeakKeyDictionary[keras.Model, _Graphs]" = weakref.WeakKeyDictionary()
_lock = threading.Lock()


def log_probabilities(
    model: keras.Model, images: NDArray[np.uint8], batch_size: int = 500
) -> NDArray[np.float32]:
    """Log-probabilities, float32 (n, classes), of raw images, uint8 (n, height, width, channels).

    They are natural logarithms. Raises ``ExperimentInvalid`` if the images have another shape than
    the network takes. May be called from any number of threads, also while the model trains.
    """
    parts = list(log_probability_batches(model, images, batch_size))
    return np.concatenate(parts) if parts else np.empty((0, model.output_shape[-1]), np.float32)


def log_probability_batches(
    model: keras.Model, images: NDArray[np.uint8], batch_size: int = 500
) -> Iterator[NDArray[np.float32]]:
    """As ``log_probabilities``, a batch at a time, for callers that show progress or may stop."""
    check_images(model, images)
    for start in range(0, len(images), batch_size):
        # A copy, or other threads would read the memory-mapped slice.
        batch = np.array(images[start : start + batch_size], dtype=np.uint8)
        yield log_probability_batch(model, batch).numpy()


def log_probability_batch(model: keras.Model, batch: NDArray[np.uint8]) -> tf.Tensor:
    """Log-probabilities, float32 (n, classes), of a batch of raw images; uses all cores.

    Each is of the mean of the probabilities for the versions of the image that the model averages.
    """
    return _graph(model, batch_parts(len(batch)))(tf.constant(batch))


def compute_logits(output: keras.layers.Dense, values: tf.Tensor) -> tf.Tensor:
    """The logits of the last layer, float32 (n, classes): its output without the softmax.

    Losses are computed from logits, because a probability below 1e-45 is 0 in float32.
    """
    logits = tf.matmul(tf.cast(values, tf.float32), tf.convert_to_tensor(output.kernel))
    return logits + tf.convert_to_tensor(output.bias) if output.use_bias else logits


def mean_log_probabilities(
    logits_of: Callable[[tf.Tensor], tf.Tensor],
    batch: tf.Tensor,
    parts: int,
    *,
    prediction_views: PredictionViews,
) -> tf.Tensor:
    """Log-probabilities of ``batch``, computed in so many parts in parallel.

    They are of the mean of the probabilities for ``prediction_views`` of each image.
    """
    logs = [
        tf.nn.log_softmax(tf.concat([logits_of(part) for part in split_batch(view, parts)], 0))
        for view in make_views(batch, prediction_views)
    ]
    return tf.reduce_logsumexp(logs, 0) - math.log(len(logs)) if len(logs) > 1 else logs[0]


def make_views(images: tf.Tensor, prediction_views: PredictionViews) -> list[tf.Tensor]:
    """Return ``prediction_views`` of images (n, h, w, c), the images themselves first."""
    found = [images]
    if prediction_views.shift:
        height, width = images.shape[1:3]
        around, twice = prediction_views.shift, 2 * prediction_views.shift
        padded = tf.pad(images, [[0, 0], [around, around], [around, around], [0, 0]], "REFLECT")
        found += [padded[:, twice:, twice:], padded[:, :height, :width]]
    if prediction_views.mirrored:
        found += [view[:, :, ::-1] for view in found]
    return found


def check_images(model: keras.Model, images: NDArray[np.uint8]) -> None:
    """Raise ``ExperimentInvalid`` unless ``images`` are (n, height, width, channels) as trained."""
    expected = tuple(model.input_shape[1:])
    if images.ndim != 4 or images.shape[1:] != expected:
        raise ExperimentInvalid(
            "This network takes {expected} images, but got {found}. Choose images of the data set "
            "it was trained on, or upload an image, which is resized.",
            expected=format_shape(expected),
            found=format_shape(images.shape[1:]),
        )


def _graph(model: keras.Model, parts: int) -> Callable[[tf.Tensor], tf.Tensor]:
    with _lock:
        graphs = _graphs.setdefault(model, {})
        if parts not in graphs:
            graphs[parts] = _make_graph(model, parts)
        return graphs[parts]


def _make_graph(model: keras.Model, parts: int) -> Callable[[tf.Tensor], tf.Tensor]:
    # A weak reference, or the table's value would keep its key alive for ever.
    reference = weakref.ref(model)

    def forward(batch: tf.Tensor) -> tf.Tensor:
        living = reference()
        assert living is not None  # the caller has a reference
        *hidden, output = living.nodes
        rescaling = living.get_layer(RESCALING)

        def logits_of(part: tf.Tensor) -> tf.Tensor:
            values = run(hidden, rescaling(tf.cast(part, tf.float32)))
            return compute_logits(output.layer, values)

        return mean_log_probabilities(
            logits_of, batch, parts, prediction_views=living.prediction_views
        )

    signature = [tf.TensorSpec((None, *model.input_shape[1:]), tf.uint8)]
    return tf.function(forward, input_signature=signature, jit_compile=False)
