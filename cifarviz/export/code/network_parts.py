"""What a script has beside Keras' own layers, each only where its run needs it."""

from textwrap import dedent
from typing import Final

from cifarviz.experiment.layers import Whitening

LAYER_SEED: Final = dedent(
    '''\
    def layer_seed(position):
        """A seed of its own for each layer, so that changing one layer leaves the others."""
        return int(np.random.SeedSequence([SEED, position]).generate_state(1)[0] >> 1)
    '''
)

PARTIAL_IDENTITY: Final = dedent(
    '''\
    class PartialIdentity(keras.initializers.Initializer):
        """Filters that begin by handing on one input channel each.

        Those that are over are drawn as by Glorot uniform (after arXiv 2404.00498).
        """

        def __init__(self, seed):
            self.seed = seed

        def __call__(self, shape, dtype=None, **options):
            kernel = np.array(keras.initializers.GlorotUniform(self.seed)(shape, "float32"))
            handed_on = min(shape[-2:])
            kernel[..., :handed_on] = 0
            middle = tuple(side // 2 for side in shape[:-2])
            for channel in range(handed_on):
                kernel[(*middle, channel, channel)] = 1
            return keras.ops.convert_to_tensor(kernel, dtype)
    '''
)

DROPOUT_IN_HALVES: Final = dedent(
    '''\
    class DropoutInHalves(keras.layers.Dropout):
        """Dropout that draws for each half of a batch by itself.

        The run trained so, on two cores; with it the history is the same. Drawing for the whole
        batch at once (keras.layers.Dropout) is as good, and gives another history of its kind.
        """

        def call(self, values, training=False):
            if not training:
                return values
            middle = keras.ops.shape(values)[0] // 2
            first = super().call(values[:middle], training=True)
            second = super().call(values[middle:], training=True)
            return keras.ops.concatenate([first, second])
    '''
)

MIRRORED_ANSWERS: Final = dedent(
    '''\
    class MirroredAnswers(keras.Model):
        """Trains a network on images; answers with the mean for an image and its mirror image."""

        def __init__(self, network):
            super().__init__()
            self.network = network
            self.before_output = keras.Model(network.inputs, network.layers[-1].input)

        def call(self, images, training=False):
            if training:
                return self.network(images, training=True)
            # As logarithms, and with a softmax at the end, from whose input Keras takes the loss:
            # probabilities below 1e-7 would be clipped.
            views = self.log_answer(images), self.log_answer(images[:, :, ::-1])
            return keras.ops.softmax(keras.ops.logaddexp(*views))

        def log_answer(self, images):
            output = self.network.layers[-1]
            values = keras.ops.cast(self.before_output(images, training=False), "float32")
            logits = keras.ops.matmul(values, output.kernel)
            return keras.ops.log_softmax(logits + output.bias if output.use_bias else logits)
    '''
)


def whitening_code(layer: Whitening) -> str:
    """The function that works a whitening kernel out, and the line that sets it."""
    return _WHITENING.format(kernel_size=layer.kernel_size, filters=layer.filters)


# As data.whitening works it out; a test holds the two equal.
_WHITENING = dedent(
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


    # This layer is worked out from the training images once, and never trained.
    network.get_layer("whitening").kernel.assign(
        whitening_kernel(train_images, {kernel_size}, {filters})
    )
    '''
)
