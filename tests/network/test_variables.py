"""The variables of a model and its optimizer are saved and restored exactly."""

import io

import keras
import numpy as np
import pytest

from cifarviz.errors import ArtifactDamaged
from cifarviz.experiment.architecture import Architecture
from cifarviz.experiment.preprocessing import Scaling
from cifarviz.layers.batch_norm import BatchNorm
from cifarviz.layers.conv2d import Conv2D
from cifarviz.layers.dense import Dense
from cifarviz.layers.dropout import Dropout
from cifarviz.layers.flatten import Flatten
from cifarviz.network.build import build
from cifarviz.network.variables import assign, to_arrays

ARCHITECTURE = Architecture(
    input_shape=(6, 6, 1),
    classes=3,
    layers=(
        Conv2D(filters=3),
        BatchNorm(),
        Dropout(rate=0.4),
        Flatten(),
        Dense(units=5),
        Dropout(rate=0.2),
        Dense(units=3, activation="softmax"),
    ),
)
RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (64, 6, 6, 1), np.uint8)
LABELS = RNG.integers(0, 3, 64)


def compiled(seed):
    model = build(ARCHITECTURE, Scaling((1 / 255,), (0.0,)), seed=seed)
    model.compile(
        keras.optimizers.Adam(0.01),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=False,
    )
    return model


def train(model, steps):
    return [float(model.train_on_batch(IMAGES, LABELS)[0]) for _ in range(steps)]


@pytest.fixture(scope="module")
def trained():
    model = compiled(seed=1)
    train(model, 3)
    return model


def test_all_variables_are_included(trained):
    arrays = to_arrays(trained, trained.optimizer)
    assert len(arrays) == len(trained.variables) + len(trained.optimizer.variables)
    assert sum(name.endswith("seed_generator_state") for name in arrays) == 2
    assert sum("/moving_" in name for name in arrays) == 2
    assert arrays["optimizer/000/iteration"] == 3


def test_variable_names_do_not_depend_on_earlier_models(trained):
    for seed in range(3):
        compiled(seed)
    again = compiled(seed=2)
    assert list(to_arrays(again, again.optimizer)) == list(to_arrays(trained, trained.optimizer))
    assert "model/002/conv2d_1/kernel" in to_arrays(again)
    assert "model/004/dropout_1/seed_generator_state" in to_arrays(again)


def test_arrays_are_copies():
    model = compiled(seed=1)
    train(model, 1)
    arrays = to_arrays(model, model.optimizer)
    before = {name: array.copy() for name, array in arrays.items()}
    train(model, 2)
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, before[name])


@pytest.mark.parametrize("shuffled", [False, True])
def test_a_restored_model_trains_like_the_original(shuffled):
    model = compiled(seed=1)
    train(model, 3)
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **to_arrays(model, model.optimizer))
    uninterrupted = train(model, 4)

    file.seek(0)
    with np.load(file, allow_pickle=False) as stored:
        names = list(reversed(stored.files)) if shuffled else stored.files
        arrays = {name: stored[name] for name in names}
    resumed = compiled(seed=99)
    assign(resumed, arrays, resumed.optimizer)
    for name, value in to_arrays(resumed, resumed.optimizer).items():
        np.testing.assert_array_equal(value, arrays[name])
        assert value.dtype == arrays[name].dtype
    assert train(resumed, 4) == uninterrupted
    for name, value in to_arrays(model, model.optimizer).items():
        np.testing.assert_array_equal(value, to_arrays(resumed, resumed.optimizer)[name])


@pytest.mark.parametrize(
    "make",
    [
        lambda: keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True),
        lambda: keras.optimizers.AdamW(0.01),
        lambda: keras.optimizers.RMSprop(0.01),
        # It has a variable without a name, which Keras counts through the process.
        lambda: keras.optimizers.Nadam(0.01),
    ],
)
def test_every_optimizer_is_saved_and_restored(make):
    def trained_with(optimizer, steps):
        model = build(ARCHITECTURE, Scaling((1.0,), (0.0,)), seed=4)
        model.compile(optimizer, "sparse_categorical_crossentropy", jit_compile=False)
        for _ in range(steps):
            model.train_on_batch(IMAGES, LABELS)
        return model

    model, other = trained_with(make(), 2), trained_with(make(), 0)
    arrays = to_arrays(model, model.optimizer)
    assign(other, arrays, other.optimizer)
    for name, value in to_arrays(other, other.optimizer).items():
        np.testing.assert_array_equal(value, arrays[name])


def test_weights_alone_are_taken_from_a_full_checkpoint(trained):
    arrays = to_arrays(trained, trained.optimizer) | {"epoch": np.array(3)}
    model = build(ARCHITECTURE, Scaling((1 / 255,), (0.0,)))
    assign(model, arrays)
    np.testing.assert_array_equal(np.asarray(model(IMAGES)), np.asarray(trained(IMAGES)))


def without(name):
    return lambda arrays: arrays.pop(name)


def with_value(name, value):
    return lambda arrays: arrays.update({name: value})


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (without("model/002/conv2d_1/kernel"), "“model/002/conv2d_1/kernel” is missing"),
        (without("optimizer/000/iteration"), "“optimizer/000/iteration” is missing"),
        (with_value("model/9/x", np.zeros(1)), "“model/9/x” is unknown"),
        (
            with_value("model/002/conv2d_1/bias", np.zeros(4, np.float32)),
            r"should be float32 of shape \(3,\) and is float32 of shape \(4,\)",
        ),
        (with_value("model/002/conv2d_1/bias", np.zeros(3, np.int64)), "and is int64 of shape"),
        (
            with_value("model/002/conv2d_1/bias", np.array([None, None, None])),
            "and is object of shape",
        ),
    ],
)
def test_arrays_that_do_not_fit_are_refused_and_change_nothing(trained, damage, said):
    arrays = to_arrays(trained, trained.optimizer)
    damage(arrays)
    model = compiled(seed=8)
    before = to_arrays(model, model.optimizer)
    with pytest.raises(ArtifactDamaged, match=said):
        assign(model, arrays, model.optimizer)
    for name, value in to_arrays(model, model.optimizer).items():
        np.testing.assert_array_equal(value, before[name])
