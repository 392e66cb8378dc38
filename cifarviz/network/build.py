"""Build a Keras model from an ``Architecture``."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import keras
import numpy as np
import numpy.typing as npt

from cifarviz.experiment.architecture import Architecture
from cifarviz.experiment.prediction_views import ONLY_THE_IMAGE, PredictionViews
from cifarviz.experiment.preprocessing import Scaling
from cifarviz.layers.base import Layer
from cifarviz.layers.choices import InitializerName
from cifarviz.network import threads  # first: TensorFlow reads its settings once
from cifarviz.network.graph import make_nodes


class PartialIdentity(keras.initializers.Initializer):
    """An initializer whose filters, or units, each pass on a single input channel.

    Filters beyond the number of input channels are drawn by Glorot uniform. Deep networks so start
    close to the identity (after Jordan, arXiv 2404.00498).
    """

    def __init__(self, seed: int | None = None) -> None:
        self.seed = seed

    def __call__(self, shape: tuple[int, ...], dtype: Any = None, **options: Any) -> Any:
        """A kernel (…, input channels, filters): the identity sits in the middle of its window."""
        kernel = np.array(keras.initializers.GlorotUniform(seed=self.seed)(shape, dtype="float32"))
        identities = min(shape[-2:])
        kernel[..., :identities] = 0.0
        middle = tuple(side // 2 for side in shape[:-2])
        for channel in range(identities):
            kernel[(*middle, channel, channel)] = 1.0
        return keras.ops.convert_to_tensor(kernel, dtype=dtype)


threads.start_threads()
IMAGE = "image"
RESCALING = "rescaling"
"""Name of the first layer, which is preprocessing and not one of the network's own layers."""
_INITIALIZERS = {
    "glorot_uniform": keras.initializers.GlorotUniform,
    "glorot_normal": keras.initializers.GlorotNormal,
    "he_uniform": keras.initializers.HeUniform,
    "he_normal": keras.initializers.HeNormal,
    "identity": PartialIdentity,
}


@dataclass(frozen=True)
class _LayerContext:
    """The values a layer is built with: the ``KerasPlace`` of ``layers.base``."""

    name: str
    dtype: keras.DTypePolicy
    seed: int
    l2: float
    drawn_by_keras: bool

    def initializer(self, name: InitializerName) -> keras.initializers.Initializer:
        if self.drawn_by_keras and name == "identity":
            name = "glorot_uniform"
        if name == "zeros":
            return keras.initializers.Zeros()
        return _INITIALIZERS[name](seed=self.seed)

    def penalty(self) -> keras.regularizers.Regularizer | None:
        return keras.regularizers.L2(self.l2) if self.l2 > 0 else None


class _Builder:
    """Gives each layer its name, and a seed by its position among all layers."""

    dtype: keras.DTypePolicy

    def __init__(
        self, architecture: Architecture, l2: float, seed: int, *, drawn_by_keras: bool
    ) -> None:
        self._l2, self._seed, self._drawn_by_keras = l2, seed, drawn_by_keras
        self.names = [name for named in architecture.named_layers for name in named.all_names()]
        self._next = enumerate(zip(_all_layers(architecture), self.names, strict=True))

    def place(self, layer: Layer) -> _LayerContext:
        position, (expected, name) = next(self._next)
        # The names of variables depend on this order.
        assert layer is expected, f"{name} is built out of order"
        seed = _layer_seed(self._seed, position)
        return _LayerContext(name, self.dtype, seed, self._l2, self._drawn_by_keras)


def build(
    architecture: Architecture,
    scaling: Scaling,
    *,
    l2: float = 0.0,
    seed: int = 0,
    precision: Literal["float32", "bfloat16"] = "float32",
    prediction_views: PredictionViews = ONLY_THE_IMAGE,
    drawn_by_keras: bool = False,
) -> keras.Model:
    """Build the model: raw pixels 0 to 255 of any numeric type in, float32 probabilities out.

    Layers are named ``architecture.layer_names``, after a float32 rescaling layer. ``l2`` is the
    penalty on the kernels of convolution and dense layers. The same seed gives the same weights,
    in both precisions; each layer draws from a seed of its own and nothing global is touched, so
    any number of threads may build at once. With ``"bfloat16"`` the weights, the preprocessing
    and the output layer stay float32. ``prediction_views`` is stored for
    ``inference``; the model itself does not change images. ``drawn_by_keras``: only Keras' own
    initializers, for a model whose weights are replaced anyway. A whitening layer does nothing
    before ``whiten``.
    """
    exact = keras.DTypePolicy("float32")
    image = keras.Input(architecture.input_shape, name=IMAGE, dtype="float32")
    values = keras.layers.Rescaling(
        list(scaling.scale), list(scaling.offset), name=RESCALING, dtype=exact
    )(image)
    builder = _Builder(architecture, l2, seed, drawn_by_keras=drawn_by_keras)
    builder.dtype = keras.DTypePolicy("mixed_bfloat16" if precision == "bfloat16" else "float32")
    *hidden, output = architecture.layers
    for layer in hidden:
        values = layer.build(values, builder)
    builder.dtype = exact
    model = keras.Model(image, output.build(values, builder), name="network")
    model.prediction_views = prediction_views
    model.layer_order = (IMAGE, RESCALING, *builder.names)
    model.nodes = make_nodes(model, architecture.named_layers)
    return model


def whiten(
    model: keras.Model,
    architecture: Architecture,
    scaling: Scaling,
    images: npt.NDArray[np.uint8],
) -> None:
    """Set the kernel of the first layer from the training images, if its type wants that.

    ``images`` are uint8 (n, height, width, channels).
    """
    kernel = architecture.layers[0].initial_kernel(images, scaling.scale, scaling.offset)
    if kernel is not None:
        model.get_layer(architecture.layer_names[0]).kernel.assign(kernel)


def _all_layers(architecture: Architecture) -> Iterator[Layer]:
    for layer in architecture.layers:
        yield from layer.all_layers()


def _layer_seed(seed: int, position: int) -> int:
    """An independent 31-bit seed for each layer of each run."""
    return int(np.random.SeedSequence([seed, position]).generate_state(1)[0] >> 1)
