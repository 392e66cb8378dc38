"""Occlusion, integrated gradients and ideal images, against independent calculations."""

from functools import partial

import numpy as np
import pytest

from cifarviz.analysis.ideal_image import noise_images
from cifarviz.analysis.integrated_gradients import integrated_gradients
from cifarviz.analysis.occlusion import occlusion
from cifarviz.analysis.trained_model import TrainedModel
from cifarviz.errors import ExperimentInvalid
from cifarviz.experiment.architecture import Architecture
from cifarviz.experiment.preprocessing import Scaling
from cifarviz.layers.conv2d import Conv2D
from cifarviz.layers.dense import Dense
from cifarviz.layers.flatten import Flatten
from cifarviz.layers.pooling import GlobalAveragePool2D
from cifarviz.network.activation_maximization import activation, activation_gradient
from cifarviz.network.build import build
from cifarviz.network.variables import to_arrays
from tests.network.tiny_network import BY_255, TINY

IMAGE = np.random.default_rng(4).integers(0, 256, (8, 8, 3), np.uint8)
GREY = np.full(3, 128, np.float32)


def opened(architecture: Architecture = TINY, scaling: Scaling = BY_255) -> TrainedModel:
    return TrainedModel(architecture, scaling, to_arrays(build(architecture, scaling, seed=5)))


@pytest.fixture(scope="module")
def model() -> TrainedModel:
    return opened()


@pytest.mark.parametrize("patch", [1, 4])
def test_occlusion_equals_predictions_one_by_one(model: TrainedModel, patch: int) -> None:
    found = occlusion(IMAGE, patch, model.plain_probabilities)
    assert found.covered.shape == (8, 8, 4)
    np.testing.assert_allclose(found.probabilities, model.observe(IMAGE)[-1].values, rtol=1e-5)
    for row, column in [(0, 0), (3, 5), (7, 7)]:
        covered = IMAGE.copy()
        for y in range(8):
            for x in range(8):
                # The patch around the middle of the pixel; an even one is half a pixel off.
                up, left = y - row + (patch - 1) // 2, x - column + (patch - 1) // 2
                if 0 <= up < patch and 0 <= left < patch:
                    covered[y, x] = 128
        alone = model.observe(covered)[-1].values
        np.testing.assert_allclose(found.covered[row, column], alone, rtol=1e-4, atol=1e-6)
        expected = model.observe(IMAGE)[-1].values[2] - alone[2]
        assert found.drops(2)[row, column] == pytest.approx(expected, abs=1e-5)


def test_occlusion_of_a_large_image_covers_a_grid_of_places() -> None:
    image = np.zeros((40, 64, 1), np.uint8)

    def predict(images: np.ndarray) -> np.ndarray:
        share = (images == 128).mean(axis=(1, 2, 3))
        return np.stack([1 - share, share], axis=1).astype(np.float32)

    found = occlusion(image, 8, predict)
    assert found.covered.shape == (16, 16, 2)
    assert found.drops(0).max() == pytest.approx(64 / (40 * 64))
    assert (found.drops(0) > 0).all()


def test_integrated_gradients_add_up_to_the_difference_of_scores(model: TrainedModel) -> None:
    baseline = np.full(IMAGE.shape, 100.0, np.float32)
    for index in range(4):
        found = integrated_gradients(
            IMAGE, baseline, partial(model.score_gradients, class_index=index)
        )
        assert found.pixels.shape == (8, 8)
        difference = found.score - found.baseline_score
        assert found.total == pytest.approx(difference, abs=0.02 * abs(difference) + 1e-3)


def test_integrated_gradients_of_a_linear_network_are_its_weights() -> None:
    linear = Architecture(
        input_shape=(8, 8, 3), classes=4, layers=(Flatten(), Dense(units=4, activation="softmax"))
    )
    arrays = to_arrays(build(linear, BY_255, seed=5))
    model = TrainedModel(linear, BY_255, arrays)
    [kernel] = [value for name, value in arrays.items() if name.endswith("kernel")]
    found = integrated_gradients(
        IMAGE, np.zeros(IMAGE.shape, np.float32), lambda pixels: model.score_gradients(pixels, 3)
    )
    by_hand = (kernel[:, 3].reshape(8, 8, 3) * IMAGE / 255).sum(axis=-1)
    np.testing.assert_allclose(found.pixels, by_hand, rtol=1e-4, atol=1e-6)


def test_gradients_of_a_score_equal_finite_differences(model: TrainedModel) -> None:
    pixels = IMAGE.astype(np.float32)
    _, [gradient] = model.score_gradients(pixels[np.newaxis], 1)
    step = 4.0
    for place in [(0, 0, 0), (3, 4, 1), (7, 2, 2)]:
        moved = np.stack([pixels, pixels])
        moved[(0, *place)] += step
        moved[(1, *place)] -= step
        (above, below), _ = model.score_gradients(moved, 1)
        assert gradient[place] == pytest.approx((above - below) / (2 * step), rel=0.05, abs=2e-5)


def test_images_of_another_shape_are_refused(model: TrainedModel) -> None:
    with pytest.raises(ExperimentInvalid, match="8×8×3"):
        model.plain_probabilities(IMAGE[np.newaxis, :4])
    with pytest.raises(ExperimentInvalid, match="8×8×3"):
        model.score_gradients(IMAGE[np.newaxis, :4].astype(np.float32), 0)


@pytest.mark.parametrize(
    ("layer", "channel"), [("conv2d_1", 2), ("activation_1", 0), ("dense_2", 3)]
)
def test_the_gradient_that_is_ascended_equals_finite_differences(
    model: TrainedModel, layer: str, channel: int
) -> None:
    pixels, index = IMAGE.astype(np.float32), np.int32(channel)
    [gradient] = model.compute(activation_gradient, pixels[np.newaxis], index, layer=layer).numpy()
    step = 2.0
    for place in [(1, 1, 0), (4, 6, 2)]:
        moved = np.stack([pixels, pixels])
        moved[(0, *place)] += step
        moved[(1, *place)] -= step
        above, below = model.compute(activation, moved, index, layer=layer).numpy()
        assert gradient[place] == pytest.approx((above - below) / (2 * step), rel=0.05, abs=2e-5)


def test_an_ideal_image_excites_its_channel_more_than_noise_and_the_image(
    model: TrainedModel,
) -> None:
    for layer, channel in [("conv2d_1", 2), ("dense_2", 1)]:
        ideal = model.ideal_image(layer, channel, GREY)
        assert ideal.pixels.shape == IMAGE.shape
        assert ideal.found
        measured = model.observe(ideal.pixels)
        if layer == "conv2d_1":
            values = measured[0].values[..., channel]
            assert ideal.value == pytest.approx(values.max(), rel=1e-4)
        noise = noise_images((8, 8, 3), GREY, 0)
        reached = model.peak_activations(noise, layer, channel).max()
        assert ideal.value > reached + 0.5 * abs(reached)
        again = model.ideal_image(layer, channel, GREY)
        np.testing.assert_array_equal(ideal.pixels, again.pixels)
        other = model.ideal_image(layer, channel, GREY, seed=1)
        assert (ideal.pixels != other.pixels).any()


def test_the_ideal_image_of_one_grey_filter_is_light_where_the_filter_is() -> None:
    grey = Architecture(
        input_shape=(9, 9, 1),
        classes=2,
        layers=(
            Conv2D(filters=1, kernel_size=1),
            GlobalAveragePool2D(),
            Dense(units=2, activation="softmax"),
        ),
    )
    scaling = Scaling((1 / 255,), (0.0,))
    arrays = to_arrays(build(grey, scaling, seed=1))
    for name, sign in (("kernel", 1), ("kernel", -1)):
        [full] = [key for key in arrays if key.endswith(f"conv2d_1/{name}")]
        arrays[full] = np.full((1, 1, 1, 1), sign, np.float32)
        arrays[full.replace(name, "bias")] = np.full(1, 1, np.float32)
        ideal = TrainedModel(grey, scaling, arrays).ideal_image("conv2d_1", 0, GREY[:1])
        assert (ideal.pixels == (255 if sign > 0 else 0)).all()


def test_a_dead_channel_has_no_ideal_image() -> None:
    arrays = to_arrays(build(TINY, BY_255, seed=5))
    [name] = [key for key in arrays if key.endswith("conv2d_1/bias")]
    arrays[name] = np.full(4, -1000, np.float32)
    assert not TrainedModel(TINY, BY_255, arrays).ideal_image("conv2d_1", 0, GREY).found
