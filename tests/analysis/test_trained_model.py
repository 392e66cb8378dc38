from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import keras
import numpy as np
import pytest

from cifarviz.analysis.evaluation import evaluate
from cifarviz.analysis.feature_maps import layer_views
from cifarviz.analysis.trained_model import TrainedModel
from cifarviz.errors import ArtifactDamaged, ArtifactMissing, ExperimentInvalid
from cifarviz.experiment.architecture import Architecture
from cifarviz.experiment.preprocessing import Scaling
from cifarviz.layers.batch_norm import BatchNorm
from cifarviz.layers.conv2d import Conv2D
from cifarviz.layers.dense import Dense
from cifarviz.layers.dropout import Dropout
from cifarviz.layers.flatten import Flatten
from cifarviz.layers.pooling import MaxPool2D
from cifarviz.network.build import build
from cifarviz.network.variables import to_arrays
from cifarviz.runs.artifacts import checkpoint_path, load_arrays, save_arrays

ARCHITECTURE = Architecture(
    input_shape=(8, 8, 3),
    classes=4,
    layers=(
        Conv2D(filters=5),
        BatchNorm(),
        MaxPool2D(),
        Flatten(),
        Dropout(rate=0.5),
        Dense(units=4, activation="softmax"),
    ),
)
SCALING = Scaling((1 / 60, 1 / 61, 1 / 62), (-2.0, -2.1, -1.9))
RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.integers(0, 256, (64, 8, 8, 3)).astype(np.uint8)
LABELS = RANDOM.integers(0, 4, 64).astype(np.uint8)


@pytest.fixture(scope="module")
def trained() -> tuple[keras.Model, keras.optimizers.Optimizer]:
    """A model that has learned a little, so that no variable is as it was built."""
    model = build(ARCHITECTURE, SCALING, seed=5)
    optimizer = keras.optimizers.Adam(0.01)
    model.compile(optimizer, "sparse_categorical_crossentropy", jit_compile=False)
    model.fit(IMAGES, LABELS, batch_size=16, epochs=2, verbose=0)
    return model, optimizer


@pytest.fixture(scope="module")
def arrays(trained: tuple[keras.Model, keras.optimizers.Optimizer]) -> dict[str, np.ndarray]:
    return to_arrays(*trained)


@pytest.fixture(scope="module")
def model(arrays: dict[str, np.ndarray]) -> TrainedModel:
    return TrainedModel(ARCHITECTURE, SCALING, arrays)


def test_a_checkpoint_predicts_as_the_trained_model(
    trained: tuple[keras.Model, keras.optimizers.Optimizer], tmp_path: Path
) -> None:
    path = checkpoint_path(tmp_path / "run", "last")
    save_arrays(path, to_arrays(*trained), {"epoch": 2})
    arrays, facts = load_arrays(path)

    restored = TrainedModel(ARCHITECTURE, SCALING, arrays)

    assert facts == {"epoch": 2}
    expected = trained[0](IMAGES.astype(np.float32), training=False)
    answer = restored.probabilities(IMAGES)
    assert answer.dtype == np.float32
    np.testing.assert_allclose(answer, expected, rtol=1e-5, atol=1e-6)


def test_the_loss_is_the_one_keras_measures(
    trained: tuple[keras.Model, keras.optimizers.Optimizer], model: TrainedModel
) -> None:
    expected = trained[0].evaluate(IMAGES, LABELS, verbose=0)

    found = evaluate(LABELS, model.predictions(IMAGES), np.arange(64), tuple("abcd"))

    assert found.loss == pytest.approx(expected, rel=1e-5)


def test_arrays_of_a_bfloat16_run_are_read_too(model: TrainedModel) -> None:
    mixed = build(ARCHITECTURE, SCALING, seed=5, precision="bfloat16")

    restored = TrainedModel(ARCHITECTURE, SCALING, to_arrays(mixed))

    exact = TrainedModel(ARCHITECTURE, SCALING, to_arrays(build(ARCHITECTURE, SCALING, seed=5)))
    assert (restored.probabilities(IMAGES) == exact.probabilities(IMAGES)).all()
    assert (restored.probabilities(IMAGES) != model.probabilities(IMAGES)).any()


def test_batch_size_does_not_matter_and_progress_is_reported(model: TrainedModel) -> None:
    told: list[int] = []

    answer = model.predictions(IMAGES, batch_size=25, on_progress=told.append).probabilities

    assert told == [25, 50, 64]
    np.testing.assert_allclose(answer, model.probabilities(IMAGES), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(answer.sum(axis=1), 1, rtol=1e-5)


def test_no_images_give_no_predictions(model: TrainedModel) -> None:
    assert model.probabilities(IMAGES[:0]).shape == (0, 4)


def test_all_layers_are_observed_and_the_last_is_the_prediction(model: TrainedModel) -> None:
    outputs = model.observe(IMAGES[0])

    assert tuple(output.name for output in outputs) == ARCHITECTURE.layer_names
    np.testing.assert_allclose(
        outputs[-1].values, model.probabilities(IMAGES[:1])[0], rtol=1e-5, atol=1e-7
    )
    views = layer_views(outputs)
    shapes = [row.output_shape for row in ARCHITECTURE.trace().rows]
    assert [view.output_shape for view in views] == shapes
    assert [view.type for view in views] == [layer.type for layer in ARCHITECTURE.layers]
    assert [view.kind for view in views] == ["maps"] * 3 + ["vector"] * 3


def test_a_channel_that_relu_silences_is_counted(arrays: dict[str, np.ndarray]) -> None:
    bias = next(name for name in arrays if name.endswith("conv2d_1/bias"))
    silent = {**arrays, bias: np.array([0, 0, -1e6, 0, 0], np.float32)}

    view = layer_views(TrainedModel(ARCHITECTURE, SCALING, silent).observe(IMAGES[0]))[0]

    assert view.maps is not None
    assert view.maps.dead == (2,)


def test_kernels_are_the_weights(model: TrainedModel, arrays: dict[str, np.ndarray]) -> None:
    kernel = next(name for name in arrays if name.endswith("conv2d_1/kernel"))

    assert (model.kernel("conv2d_1") == arrays[kernel]).all()
    with pytest.raises(ArtifactMissing, match="dense_1"):
        model.kernel("dense_1")


def test_many_threads_get_the_same_predictions(arrays: dict[str, np.ndarray]) -> None:
    threads = 6
    expected = TrainedModel(ARCHITECTURE, SCALING, arrays)
    probabilities = expected.probabilities(IMAGES)
    # A fresh one, so that all of them arrive while nothing is traced.
    fresh = TrainedModel(ARCHITECTURE, SCALING, arrays)
    together = Barrier(threads)

    def predict(number: int) -> tuple[int, np.ndarray, list[np.ndarray]]:
        together.wait()
        if number % 2:
            seen = [output.values for output in fresh.observe(IMAGES[number])]
            return number, fresh.probabilities(IMAGES), seen
        answer = fresh.probabilities(IMAGES)
        return number, answer, [output.values for output in fresh.observe(IMAGES[number])]

    with ThreadPoolExecutor(threads) as pool:
        results = list(pool.map(predict, range(threads)))

    for number, answer, seen in results:
        np.testing.assert_allclose(answer, probabilities, rtol=1e-5, atol=1e-7)
        for output, values in zip(expected.observe(IMAGES[number]), seen, strict=True):
            np.testing.assert_allclose(values, output.values, rtol=1e-5, atol=1e-5)


def test_arrays_of_another_network_are_refused(arrays: dict[str, np.ndarray]) -> None:
    wider = ARCHITECTURE.model_copy(
        update={"layers": (Conv2D(filters=6), *ARCHITECTURE.layers[1:])}
    )

    with pytest.raises(ArtifactDamaged, match="conv2d_1"):
        TrainedModel(wider, SCALING, arrays)
    with pytest.raises(ArtifactDamaged, match="missing"):
        TrainedModel(ARCHITECTURE, SCALING, {})


@pytest.mark.parametrize(
    "scaling",
    [Scaling((1.0,), (0.0,)), Scaling((1.0, 1.0, float("nan")), (0.0, 0.0, 0.0))],
)
def test_a_scaling_that_does_not_fit_is_refused(
    arrays: dict[str, np.ndarray], scaling: Scaling
) -> None:
    with pytest.raises(ArtifactDamaged, match="each of 3 channels"):
        TrainedModel(ARCHITECTURE, scaling, arrays)


@pytest.mark.parametrize("name", ["conv2d_1/kernel", "batch_normalization_1/moving_mean"])
def test_weights_that_are_not_numbers_are_refused_by_name(
    arrays: dict[str, np.ndarray], name: str
) -> None:
    stored = next(known for known in arrays if known.startswith("model/") and name in known)
    broken = arrays[stored].copy()
    broken.flat[0] = np.nan

    with pytest.raises(ArtifactDamaged, match=f"“{name}” holds NaN or infinite values"):
        TrainedModel(ARCHITECTURE, SCALING, {**arrays, stored: broken})


def test_overflowing_weights_can_be_inspected_but_do_not_predict(
    arrays: dict[str, np.ndarray],
) -> None:
    kernel = next(name for name in arrays if name.endswith("conv2d_1/kernel"))
    huge = {**arrays, kernel: np.full_like(arrays[kernel], 3e38)}
    diverged = TrainedModel(ARCHITECTURE, SCALING, huge)

    view = layer_views(diverged.observe(np.full((8, 8, 3), 255, np.uint8)))[0]

    assert view.maps is not None
    assert view.maps.not_finite == (0, 1, 2, 3, 4)
    with pytest.raises(ArtifactDamaged, match="images are not numbers"):
        diverged.probabilities(IMAGES)


def test_images_that_do_not_fit_are_refused(model: TrainedModel) -> None:
    with pytest.raises(ExperimentInvalid, match="8×8×3"):
        model.probabilities(np.zeros((1, 9, 8, 3), np.uint8))
    with pytest.raises(ExperimentInvalid, match="8×8×3"):
        model.observe(np.zeros((8, 8, 1), np.uint8))
    with pytest.raises(ValueError, match="uint8"):
        model.probabilities(IMAGES / np.float32(255))  # type: ignore[arg-type]
