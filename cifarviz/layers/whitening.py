"""Whitening: a convolution computed from the training images.

Neighbouring pixels of photographs are strongly correlated. The principal components of patches,
each divided by its standard deviation, are not, and a network learns faster from them. After
Jordan, "94 % on CIFAR-10 in 3.29 seconds on a single GPU" (arXiv 2404.00498).
"""

from collections.abc import Mapping, Sequence
from textwrap import dedent
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from cifarviz.layers.base import (
    CodePlace,
    DoesNotFit,
    Fields,
    KerasPlace,
    Layer,
    Shape,
    Variable,
    map_shape,
    non_default,
)
from cifarviz.layers.calculation import Calculation
from cifarviz.layers.choices import (
    ActivationChoice,
    StridesChoice,
    format_activation,
    format_stride,
)
from cifarviz.layers.convolution import weighted_window
from cifarviz.layers.window import Window
from cifarviz.value_text import format_value

# At most this many images, evenly spread, are used, and every second patch of each.
_MAX_IMAGES = 2_000
_PATCH_STEP = 2
# Added to each component's variance: the weakest are noise, which must not be amplified.
_NOISE = 5e-4


class Whitening(Layer):
    """A convolution computed from the training images and not trained.

    Its filters are the principal components of their patches, each divided by its standard
    deviation, and their negatives (after Jordan, arXiv 2404.00498). Without padding or bias.
    """

    title: ClassVar[str] = "Whitening"
    explanation: ClassVar[str] = (
        "A convolution computed from the training images instead of learned: it removes the "
        "correlation of neighbouring pixels, so that the next layers learn faster. It can only be "
        "the first layer."
    )
    keras_name: ClassVar[str] = "whitening"
    keras_class: ClassVar[str] = "Conv2D"
    color: ClassVar[str] = "#A99FDD"
    label_name: ClassVar[str] = "Whitening"
    label_field: ClassVar[str | None] = "filters"
    has_filters: ClassVar[bool] = True
    is_learned: ClassVar[bool] = False

    type: Literal["whitening"] = "whitening"
    filters: int = Field(
        default=24,
        ge=2,
        le=4096,
        multiple_of=2,
        title="number of filters",
        description="An even number: half of the filters are the strongest patterns of the "
        "patches, the other half their negatives.",
    )
    kernel_size: int = Field(
        default=2,
        ge=1,
        le=8,
        title="kernel size",
        description="Height and width of the analysed patches, in pixels.",
    )
    strides: StridesChoice = 1
    activation: ActivationChoice = "relu"

    @classmethod
    def smaller_fields(cls, fields: Fields, channels: int) -> Fields:
        # The most filters: twice the number of values of a patch.
        return {"filters": 2 * int(fields["kernel_size"]) ** 2 * channels}

    @property
    def window(self) -> Window:
        return Window(self.kernel_size, self.strides, "valid")

    def problem(self, *, first: bool, last: bool, classes: int) -> str | None:
        if not first:
            return (
                "Whitening is computed from the input images, so it must be the first layer. Move "
                "it to the top, or remove it."
            )
        return super().problem(first=first, last=last, classes=classes)

    def output_shape(self, shape: Shape) -> Shape:
        height, width, channels = map_shape(shape)
        if self.kernel_size > min(height, width):
            raise DoesNotFit(
                f"Patches of {self.kernel_size}×{self.kernel_size} pixels do not fit on a "
                f"{height}×{width} image. Use a smaller kernel."
            )
        values = self.kernel_size**2 * channels
        if self.filters > 2 * values:
            raise DoesNotFit(
                f"A {self.kernel_size}×{self.kernel_size}×{channels} patch has {values} values, "
                f"so this layer can have at most {2 * values} filters. Use fewer filters, or a "
                "larger kernel."
            )
        return (self.window.places(height), self.window.places(width), self.filters)

    def variables(self, shape: Shape) -> tuple[Variable, ...]:
        kernel = (self.kernel_size, self.kernel_size, shape[2], self.filters)
        return (Variable("kernel", kernel, trainable=False),)

    def operations(self, shape: Shape) -> int:
        height, width, filters = self.output_shape(shape)
        return height * width * self.kernel_size**2 * shape[2] * filters

    def keras_layer(self, place: KerasPlace) -> Any:
        import keras

        # Its kernel is ``initial_kernel``, or loaded from a checkpoint.
        return keras.layers.Conv2D(
            self.filters,
            self.kernel_size,
            strides=self.strides,
            data_format="channels_last",
            activation=self.activation,
            kernel_initializer="zeros",
            use_bias=False,
            trainable=False,
            name=place.name,
            dtype=place.dtype,
        )

    def initial_kernel(
        self, images: NDArray[np.uint8], scale: Sequence[float], offset: Sequence[float]
    ) -> NDArray[np.float32]:
        return whitening_kernel(images, scale, offset, self.kernel_size, self.filters)

    def kernel_code(self) -> str:
        """Return the Python code that computes and sets the kernel."""
        return _CODE.format(kernel_size=self.kernel_size, filters=self.filters)

    def code_arguments(self, place: CodePlace) -> Sequence[str]:
        place.afterwards(self.kernel_code())
        return [
            str(self.filters),
            str(self.kernel_size),
            *non_default(self.strides == 1, f"strides={self.strides}"),
            *non_default(self.activation == "linear", f'activation="{self.activation}"'),
            "use_bias=False",
            "trainable=False",
            'name="whitening"',
        ]

    def calculation(
        self,
        inputs: Sequence[NDArray[np.float32]],
        variables: Mapping[str, NDArray[np.float32]],
        channel: int,
    ) -> Calculation:
        kernel = variables["kernel"][..., channel]
        seen = tuple(range(kernel.shape[2]))
        return weighted_window(inputs[0], seen, kernel, self.window, activation=self.activation)

    @classmethod
    def summary_parts(cls, fields: Fields) -> Sequence[str]:
        size = format_value(fields["kernel_size"])
        return [
            f"{format_value(fields['filters'])} filters {size}×{size}",
            format_stride(fields),
            "not trained",
            format_activation(fields),
        ]


def whitening_kernel(
    images: NDArray[np.uint8],
    scale: Sequence[float],
    offset: Sequence[float],
    kernel_size: int,
    filters: int,
) -> NDArray[np.float32]:
    """Return float32 (kernel_size, kernel_size, channels, filters) for uint8 (n, h, w, channels).

    The input of the network is ``pixel * scale + offset``, with a scale and an offset per channel.
    The first half of the ``filters`` are the strongest components, strongest first, and the second
    half their negatives; there are as many components as a patch has values.
    """
    chosen = images[:: -(-len(images) // _MAX_IMAGES) or 1]
    pixels = chosen.astype(np.float32) * np.array(scale, np.float32)
    pixels += np.array(offset, np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(
        pixels, (kernel_size, kernel_size), axis=(1, 2)
    )[:, ::_PATCH_STEP, ::_PATCH_STEP]
    channels = images.shape[3]
    patches = np.moveaxis(windows, 3, 5).reshape(-1, kernel_size**2 * channels)
    variances, components = np.linalg.eigh(patches.T @ patches / np.float32(len(patches)))
    strongest = components[:, ::-1] / np.sqrt(variances[::-1] + _NOISE)
    # The solver is free to choose the signs.
    strongest *= np.sign(strongest[np.abs(strongest).argmax(0), np.arange(strongest.shape[1])])
    half = strongest[:, : filters // 2]
    both = np.concatenate([half, -half], axis=1)
    return both.reshape(kernel_size, kernel_size, channels, filters).astype(np.float32)


# The same computation as whitening_kernel; a test compares the two.
_CODE = dedent(
    '''\
    def whitening_kernel(images, kernel_size, filters):
        """The strongest principal components of the images' patches, and their negatives.

        Each is divided by its standard deviation, so that what neighbouring pixels have in common
        is taken apart (after arXiv 2404.00498).
        """
        # At most 2,000 images, evenly spread, and every second patch of each.
        images = images[:: -(-len(images) // 2_000)]
        pixels = images.astype(np.float32) * np.float32(SCALE) + np.float32(OFFSET)
        windows = np.lib.stride_tricks.sliding_window_view(
            pixels, (kernel_size, kernel_size), axis=(1, 2)
        )[:, ::2, ::2]
        channels = images.shape[3]
        patches = np.moveaxis(windows, 3, 5).reshape(-1, kernel_size**2 * channels)
        variances, components = np.linalg.eigh(patches.T @ patches / np.float32(len(patches)))
        # A little is added to each variance: the weakest components are noise.
        strongest = components[:, ::-1] / np.sqrt(variances[::-1] + 5e-4)
        # The solver is free to choose the signs; here the largest value is positive.
        strongest *= np.sign(strongest[np.abs(strongest).argmax(0), np.arange(len(strongest))])
        half = strongest[:, : filters // 2]
        kernel = np.concatenate([half, -half], axis=1)
        return kernel.reshape(kernel_size, kernel_size, channels, filters)


    # This layer is computed from the training images and not trained.
    network.get_layer("whitening").kernel.assign(
        whitening_kernel(train_images, {kernel_size}, {filters})
    )
    '''
)
