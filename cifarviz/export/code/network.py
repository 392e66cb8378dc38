"""The network section of an exported program."""

import math
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from textwrap import dedent

from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.prediction_views import PredictionViews
from cifarviz.experiment.preprocessing import Divide, Scaling
from cifarviz.export.code.section import Section, blocks, call, comment
from cifarviz.layers.base import Layer, LayerCode
from cifarviz.layers.choices import InitializerName
from cifarviz.runs.records import Run

_INITIALIZERS = {
    "glorot_uniform": "keras.initializers.GlorotUniform",
    "glorot_normal": "keras.initializers.GlorotNormal",
    "he_uniform": "keras.initializers.HeUniform",
    "he_normal": "keras.initializers.HeNormal",
    "identity": "PartialIdentity",
}


class _Writer:
    """Writes layers (the ``CodeWriter`` of ``layers.base``) and collects helper code they need."""

    def __init__(self, l2: float, in_halves: Collection[int]) -> None:
        self.l2 = l2
        self.dtype: str | None = None
        self.uses_seeds = self.uses_identity = False
        self.definitions: dict[str, None] = {}
        self.statements: list[str] = []
        self._in_halves = in_halves
        self._placed = 0

    def place(self, layer: Layer) -> "_Place":
        position = self._placed
        self._placed += 1
        return _Place(self, position, position in self._in_halves)

    def call(self, layer: LayerCode) -> LayerCode:
        more = () if self.dtype is None else (f'dtype="{self.dtype}"',)
        return LayerCode(layer.function, (*layer.arguments, *more))


@dataclass(frozen=True)
class _Place:
    """The position of one layer while it is written: the ``CodePlace`` of ``layers.base``."""

    writer: _Writer
    position: int
    in_halves: bool

    def seed(self) -> str:
        self.writer.uses_seeds = True
        return f"layer_seed({self.position})"

    def initializer(self, name: InitializerName) -> str:
        if name == "zeros":
            return '"zeros"'
        self.writer.uses_identity |= name == "identity"
        return f"{_INITIALIZERS[name]}({self.seed()})"

    def penalty(self) -> str | None:
        return f"keras.regularizers.L2({self.writer.l2!r})" if self.writer.l2 else None

    def define(self, code: str) -> None:
        self.writer.definitions[code] = None

    def afterwards(self, code: str) -> None:
        self.writer.statements.append(code)


_LAYER_SEED = dedent(
    '''\
    def layer_seed(position):
        """Return a separate seed for each layer, so that changing a layer leaves the others."""
        return int(np.random.SeedSequence([SEED, position]).generate_state(1)[0] >> 1)
    '''
)
_PARTIAL_IDENTITY = dedent(
    '''\
    class PartialIdentity(keras.initializers.Initializer):
        """Filters that each pass on one input channel at first.

        Filters beyond the number of channels are Glorot uniform (after arXiv 2404.00498).
        """

        def __init__(self, seed):
            self.seed = seed

        def __call__(self, shape, dtype=None, **options):
            kernel = np.array(keras.initializers.GlorotUniform(self.seed)(shape, "float32"))
            channels = min(shape[-2:])
            kernel[..., :channels] = 0
            middle = tuple(side // 2 for side in shape[:-2])
            for channel in range(channels):
                kernel[(*middle, channel, channel)] = 1
            return keras.ops.convert_to_tensor(kernel, dtype)
    '''
)
_VIEW_AVERAGE = dedent(
    '''\
    class ViewAverage(keras.Model):
        """Trains a network; predicts the mean over an image and {others}."""

        def __init__(self, network):
            super().__init__()
            self.network = network
            self.before_output = keras.Model(network.inputs, network.layers[-1].input)

        def call(self, images, training=False):
            if training:
                return self.network(images, training=True)
            views = [images]
    {views}
            # Logarithms with a softmax at the end, from whose input Keras computes the loss:
            # otherwise probabilities below 1e-7 would be clipped.
            logs = keras.ops.stack([self.log_prediction(view) for view in views])
            return keras.ops.softmax(keras.ops.logsumexp(logs, axis=0))

        def log_prediction(self, images):
            output = self.network.layers[-1]
            values = keras.ops.cast(self.before_output(images, training=False), "float32")
            logits = keras.ops.matmul(values, output.kernel)
            return keras.ops.log_softmax(logits + output.bias if output.use_bias else logits)
    '''
)

# The same values as in network.threads and training.forward; tests compare them.
_FEWEST_IMAGES = 8
_MANY_WEIGHTS, _MANY_IMAGES = 2**18, 500


def network_section(
    experiment: Experiment, scaling: Scaling, precision: str, in_halves: Collection[int]
) -> Section:
    """Return the section that builds ``network`` and ``model``, ready to compile.

    ``in_halves``: positions, among all layers, of those that draw random numbers separately for
    each half of a batch.
    """
    writer = _Writer(experiment.l2, in_halves)
    sequential = _sequential(experiment, writer, precision)
    code = blocks(
        [
            _scaling_code(experiment, scaling),
            _LAYER_SEED if writer.uses_seeds else "",
            _PARTIAL_IDENTITY if writer.uses_identity else "",
            *writer.definitions,
            _view_average(experiment.prediction_views),
            sequential,
            *writer.statements,
            "model = ViewAverage(network)\nnetwork.summary()"
            if experiment.prediction_views.count > 1
            else "model = network\nmodel.summary()",
        ],
        gap=2,
    )
    return Section("Network", _text(experiment), code, ("import keras", "import numpy as np"))


def _text(experiment: Experiment) -> str:
    text = (
        "The first layer scales the raw pixels. Each layer draws its initial weights with a "
        "separate seed."
    )
    if experiment.l2:
        text += " An L2 penalty on the kernels is added to the loss."
    if others := experiment.prediction_views.describe_others():
        text += f" Predictions are the mean over an image and {others}."
    return text


def _view_average(views: PredictionViews) -> str:
    """Return the class of a model that averages over ``views``; empty without any."""
    others = views.describe_others()
    if others is None:
        return ""
    lines = []
    if views.shift:
        lines += [
            "height, width = images.shape[1:3]",
            f"around = ({views.shift}, {views.shift})",
            'padded = keras.ops.pad(images, [(0, 0), around, around, (0, 0)], mode="reflect")',
            f"views.append(padded[:, {2 * views.shift}:, {2 * views.shift}:])",
            "views.append(padded[:, :height, :width])",
        ]
    if views.mirrored:
        lines.append("views += [view[:, :, ::-1] for view in views]")
    indented = "\n".join(f"{' ' * 8}{line}" for line in lines)
    return _VIEW_AVERAGE.replace("{others}", others).replace("{views}", indented)


def _scaling_code(experiment: Experiment, scaling: Scaling) -> str:
    if isinstance(experiment.preprocessing, Divide):
        why = f"Divide every pixel by {experiment.preprocessing.divisor:g}."
        return f"{comment(why)}\nSCALE = 1 / {experiment.preprocessing.divisor!r}\nOFFSET = 0.0"
    why = (
        "Each channel has mean 0 and standard deviation 1 over all training images, including the "
        "validation split: scale = 1 / deviation, offset = -mean / deviation."
    )
    return f"{comment(why)}\nSCALE = {list(scaling.scale)!r}\nOFFSET = {list(scaling.offset)!r}"


def _sequential(experiment: Experiment, writer: _Writer, precision: str) -> str:
    network = experiment.architecture
    *hidden, output = network.layers
    writer.dtype = "mixed_bfloat16" if precision == "bfloat16" else None
    layers = [layer.code(writer) for layer in hidden]
    writer.dtype = None
    layers.append(output.code(writer))
    scaling = ("SCALE", "OFFSET", *(['dtype="float32"'] if precision == "bfloat16" else []))
    layers.insert(0, LayerCode("keras.layers.Rescaling", scaling))
    inner = "\n".join(_layer_text(layer, indent=8, end=",") for layer in layers)
    return (
        "network = keras.Sequential(\n    [\n"
        f"        keras.Input({tuple(network.input_shape)!r}),\n"
        f"{inner}\n    ]\n)"
    )


def _layer_text(layer: LayerCode, *, indent: int, end: str) -> str:
    arguments = []
    for argument in layer.arguments:
        if isinstance(argument, tuple):
            lines = (_layer_text(part, indent=indent + 8, end=",\n") for part in argument)
            argument = f"[\n{''.join(lines)}{' ' * (indent + 4)}]"
        arguments.append(argument)
    return call(layer.function, arguments, indent=indent, end=end)


def layers_in_halves(run: Run) -> frozenset[int]:
    """Return the positions of the layers that drew random numbers for each half of a batch.

    On two cores the halves of a batch go through the network in parallel, each with its own
    random numbers, until a large dense layer joins them.
    """
    experiment = run.experiment
    two_cores = re.search(r", 2 cores$", run.machine) is not None
    if not two_cores or experiment.batch_size < 2 * _FEWEST_IMAGES:
        return frozenset()
    return frozenset(_before_large_dense(experiment))


def _before_large_dense(experiment: Experiment) -> Iterator[int]:
    for position, (_name, layer, shape) in enumerate(experiment.architecture.walk()):
        # As in training.forward: a layer that multiplies a vector by a matrix.
        shapes = (variable.shape for variable in layer.variables(shape))
        weights = sum(math.prod(shape) for shape in shapes if len(shape) == 2)
        if experiment.batch_size < _MANY_IMAGES and weights >= _MANY_WEIGHTS:
            return
        if layer.draws_random_numbers:
            yield position
