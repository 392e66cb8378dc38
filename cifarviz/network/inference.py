"""What a network says about images."""

import functools
import threading
import weakref
from collections.abc import Callable, Iterator

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from cifarviz.errors import ExperimentInvalid
from cifarviz.experiment.architecture import in_words
from cifarviz.network.threads import batch_parts, cut

# Model.predict costs 50 ms a call and leaks, and calling the model without a graph is up to four
# times slower: so graphs of our own, kept for as long as the model lives. One for each number of
# parts that a batch is cut into; they are traced when they are first used.
_Graphs = dict[int, Callable[[tf.Tensor], tf.Tensor]]
_graphs: "weakref.WeakKeyDictionary[keras.Model, _Graphs]" = weakref.WeakKeyDictionary()
_lock = threading.Lock()


def probabilities(
    model: keras.Model, images: NDArray[np.uint8], batch_size: int = 500
) -> NDArray[np.float32]:
    """Class probabilities, float32 (n, classes), of raw images, uint8 (n, height, width, channels).

    Raises ``ExperimentInvalid`` if the images have another shape than the network takes. May be
    called from any number of threads, also while the model trains.
    """
    parts = list(probability_batches(model, images, batch_size))
    return np.concatenate(parts) if parts else np.empty((0, model.output_shape[-1]), np.float32)


def probability_batches(
    model: keras.Model, images: NDArray[np.uint8], batch_size: int = 500
) -> Iterator[NDArray[np.float32]]:
    """As ``probabilities``, a batch at a time, for callers that show progress or may stop."""
    check_images(model, images)
    for start in range(0, len(images), batch_size):
        # A copy: a memory-mapped slice handed over as it is would be read by other threads.
        batch = np.array(images[start : start + batch_size], dtype=np.uint8)
        yield answer(model, batch).numpy()


def answer(model: keras.Model, batch: NDArray[np.uint8]) -> tf.Tensor:
    """Class probabilities, float32 (n, classes), of one batch of raw images; all cores work.

    Where the network was made for mirrored answers, each is the mean of those to the image and to
    its mirror image.
    """
    return _graph(model, batch_parts(len(batch)))(tf.constant(batch))


def mean_of_views(
    ask: Callable[[tf.Tensor], tf.Tensor], batch: tf.Tensor, parts: int, *, mirrored: bool
) -> tf.Tensor:
    """What ``ask`` answers to ``batch``, asked in so many parts at once.

    ``mirrored``: the mean of that and what it answers to the mirror images.
    """
    views = [batch, batch[:, :, ::-1]] if mirrored else [batch]
    answers = [tf.concat([ask(part) for part in cut(view, parts)], 0) for view in views]
    return tf.add_n(answers) / len(answers)


def check_images(model: keras.Model, images: NDArray[np.uint8]) -> None:
    """Raise ``ExperimentInvalid`` unless ``images`` are (n, height, width, channels) as trained."""
    expected = tuple(model.input_shape[1:])
    if images.ndim != 4 or images.shape[1:] != expected:
        raise ExperimentInvalid(
            f"This network takes {in_words(expected)} images and {in_words(images.shape[1:])} "
            "came: choose images of the data set it was trained on, or upload one to be fitted."
        )


def _graph(model: keras.Model, parts: int) -> Callable[[tf.Tensor], tf.Tensor]:
    with _lock:
        graphs = _graphs.setdefault(model, {})
        if parts not in graphs:
            graphs[parts] = _make_graph(model, parts)
        return graphs[parts]


def _make_graph(model: keras.Model, parts: int) -> Callable[[tf.Tensor], tf.Tensor]:
    # Held weakly, or the table's value would keep its own key alive for ever.
    held = weakref.ref(model)

    def forward(batch: tf.Tensor) -> tf.Tensor:
        living = held()
        assert living is not None  # the caller holds it
        ask = functools.partial(living, training=False)
        return mean_of_views(ask, batch, parts, mirrored=living.mirrored_answers)

    signature = [tf.TensorSpec((None, *model.input_shape[1:]), tf.uint8)]
    return tf.function(forward, input_signature=signature, jit_compile=False)
