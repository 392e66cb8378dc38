"""Every setting of an experiment is in its code, or in a note at the top of it."""

import ast
import io
import json
import math
from collections.abc import Iterator
from dataclasses import replace
from tokenize import detect_encoding
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from cifarviz.errors import ArtifactMissing
from cifarviz.experiment.choices import Augmentation, Data, EarlyStopping, Loss, NoValidation
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.optimizers import OPTIMIZERS
from cifarviz.experiment.presets import PRESETS
from cifarviz.experiment.schedules import (
    Constant,
    Cosine,
    Milestones,
    OneCycle,
    Schedule,
    StepSchedule,
    learning_rates,
)
from cifarviz.export.code.augmentation import augmentation_code, batch_code
from cifarviz.export.code.notes import COVERED, COVERED_PARTS
from cifarviz.export.code.program import notebook, script
from cifarviz.export.code.training import learning_rate_section
from cifarviz.layers.base import Layer
from cifarviz.layers.dense import Dense
from cifarviz.layers.dropout import Dropout
from cifarviz.layers.flatten import Flatten
from cifarviz.layers.registry import LAYER_TYPES
from cifarviz.layers.whitening import Whitening, whitening_kernel
from cifarviz.runs.records import Run, scaling_to_json
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from cifarviz.value import Value
from tests import stored_runs
from tests.hostile_names import HOSTILE


@pytest.fixture
def run(settings: Settings) -> Run:
    return stored_runs.store_run(RunStore(settings), stored_runs.experiment())


def _with_experiment(run: Run, experiment: Experiment, **facts: object) -> Run:
    scaling = scaling_to_json(stored_runs.scaling_of(experiment))
    return replace(run, experiment_json=experiment.to_json(), scaling_json=scaling, **facts)  # type: ignore[arg-type]


def _preset_experiments() -> Iterator[Any]:
    for preset in PRESETS.values():
        yield pytest.param(preset.experiment, id=preset.name)
        for variant in preset.variants:
            yield pytest.param(variant.experiment, id=f"{preset.name}-{variant.name}")


@pytest.mark.parametrize("experiment", list(_preset_experiments()))
def test_every_preset_becomes_valid_python_without_cifarviz(
    run: Run, experiment: Experiment
) -> None:
    source = script(_with_experiment(run, experiment))
    tree = ast.parse(source)
    imported = {
        alias.name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    } | {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert imported <= {
        "math",
        "pathlib",
        "keras",
        "numpy",
        "tensorflow",
        "sklearn.model_selection",
    }
    assert max(map(len, source.splitlines())) <= 100
    layers = [node for node in ast.walk(tree) if _is_layer(node)]
    # The first is Rescaling; the classes of blocks derive from a Keras layer, too.
    assert len(layers) == 1 + experiment.architecture.layer_count


def _is_layer(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return False
    function = ast.unparse(node.func)
    return function.startswith("keras.layers.") or function == "DropoutInHalves"


def test_every_layer_and_optimiser_has_its_code(run: Run) -> None:
    layers: list[Layer] = [
        layer_type.make(**layer_type.fields_for((8, 8, 32)))
        for kind, layer_type in LAYER_TYPES.items()
        if kind not in ("dense", "flatten", "global_average_pool2d", "global_max_pool2d")
    ]
    first = [layer for layer in layers if isinstance(layer, Whitening)]
    rest = [layer for layer in layers if not isinstance(layer, Whitening)]
    output = Dense(units=10, activation="softmax")
    for end in ("flatten", "global_average_pool2d", "global_max_pool2d"):
        experiment = stored_runs.experiment(*first, *rest, LAYER_TYPES[end](), output)
        ast.parse(script(_with_experiment(run, experiment)))
    for kind, optimizer in OPTIMIZERS.items():
        source = script(_with_experiment(run, stored_runs.experiment(optimizer=optimizer())))
        # Muon is Keras' class with a change.
        prefix = "Kernel" if kind == "muon" else "keras.optimizers."
        made = f"optimizer={prefix}{kind}(LEARNING_RATE".lower()
        assert made in "".join(source.split()).lower()


def test_the_code_has_only_what_the_run_uses(run: Run) -> None:
    plain = script(_with_experiment(run, stored_runs.experiment(validation=NoValidation(), seed=3)))
    for word in (
        "augmented",
        "EarlyStopping",
        "validation_images",
        "schedule",
        "ViewAverage",
        "cross_entropy",
        "DropoutInHalves",
        "whitening",
        "sklearn",
        "Differences from the run",
    ):
        assert word not in plain, word
    assert "SEED = 3\n" in plain
    full = stored_runs.experiment(
        data=Data(variant="full", train_images=500),
        augmentation=Augmentation(flip=True),
        early_stopping=EarlyStopping(patience=2),
        mirrored_answers=True,
        loss=Loss(labels="one_hot"),
        l2=0.01,
        best_only=True,
    )
    written = script(_with_experiment(run, full))
    for word in (
        "keras.datasets.cifar10",
        "[:500]",
        "mirrored",
        "EarlyStopping",
        "ViewAverage",
        "cross_entropy",
        "L2(0.01)",
        "restore_best_weights=True",
    ):
        assert word in written, word
    assert "np.load" not in written
    assert "last.weights.h5" not in written


def test_every_field_of_an_experiment_is_covered() -> None:
    # A new field belongs into export/code, and its name into notes.py.
    assert set(Experiment.model_fields) - COVERED == set()
    parts: dict[str, type[Value]] = {
        "data": Data,
        "augmentation": Augmentation,
        "early_stopping": EarlyStopping,
        "loss": Loss,
    }
    for name, part in parts.items():
        assert set(part.model_fields) - COVERED_PARTS[name] == set(), name


def test_differences_from_the_run_are_listed_at_the_top(run: Run) -> None:
    source = script(
        _with_experiment(
            run,
            stored_runs.experiment(tensorboard=True, epochs=9),
            precision="bfloat16",
            state=RunState.STOPPED,
        )
    )
    head = source.split("import keras")[0]
    for word in ("bfloat16", "TensorBoard", "stopped after epoch 3 (of 9)"):
        assert word in head
    assert 'dtype="mixed_bfloat16"' in source
    assert 'Rescaling(SCALE, OFFSET, dtype="float32")' in source


def test_dropout_draws_in_halves_only_if_the_run_did(run: Run) -> None:
    dense = Dense(units=300)
    experiment = stored_runs.experiment(
        Flatten(), Dropout(rate=0.5), dense, Dropout(rate=0.5),
        Dense(units=10, activation="softmax"), batch_size=32,
    )  # fmt: skip
    two, four = (script(_with_experiment(run, experiment, machine=f"A, {n} cores")) for n in (2, 4))
    # A large dense layer joins the halves.
    assert two.count("        DropoutInHalves(") == 1
    assert two.count("        keras.layers.Dropout(") == 1
    assert "DropoutInHalves" not in four


@pytest.mark.parametrize(
    "schedule",
    [
        StepSchedule(every_epochs=2, factor=0.3),
        Cosine(),
        Cosine(warmup_epochs=2, final_fraction=0.2),
        OneCycle(),
        Milestones(epochs=(1, 2), factor=0.2),
        OneCycle(warmup_fraction=0, final_fraction=0.5),
        OneCycle(warmup_fraction=1, start_fraction=0.1),
    ],
)
@pytest.mark.parametrize(("steps", "epochs"), [(7, 5), (1, 3)])
def test_the_code_has_the_learning_rates_of_the_schedule(
    schedule: Schedule, steps: int, epochs: int
) -> None:
    callbacks = SimpleNamespace(
        Callback=object, LearningRateScheduler=lambda rate: SimpleNamespace(rate=rate)
    )
    namespace: dict[str, Any] = {
        "np": np, "LEARNING_RATE": 0.4, "EPOCHS": epochs, "STEPS_PER_EPOCH": steps,
        "keras": SimpleNamespace(callbacks=callbacks),
    }  # fmt: skip
    section = learning_rate_section(schedule)
    assert section is not None
    exec(section.code, namespace)
    rates = []
    model = SimpleNamespace(optimizer=SimpleNamespace(learning_rate=None))
    if isinstance(schedule, StepSchedule | Milestones):
        rates = [namespace["schedule"].rate(n // steps, None) for n in range(steps * epochs)]
    else:
        namespace["schedule"].model = model
        namespace["schedule"].on_train_begin()
        for _ in range(steps * epochs):
            namespace["schedule"].on_train_batch_begin(0)
            rates.append(model.optimizer.learning_rate)
    np.testing.assert_allclose(rates, learning_rates(schedule, 0.4, steps, epochs), rtol=1e-6)


AUGMENTATIONS: list[dict[str, Any]] = [
    {"alternating_flip": True},
    {"flip": True},
    {"shift": 2},
    {"rotation": 25.0},
    {"zoom": 0.3},
    {"brightness": 0.3},
    {"contrast": 0.5},
    {"saturation": 0.7},
    {"hue": 60.0},
    {"cutout": 3},
    {"mixup": 0.4},
    {"cutmix": 1.0},
]
AUGMENTATIONS += [{"alternating_flip": True, "shift": 1, "mixup": 0.4}]
AUGMENTATIONS.append({name: value for one in AUGMENTATIONS[1:-1] for name, value in one.items()})


@pytest.mark.parametrize("epoch", [1, 2])
@pytest.mark.parametrize("choices", AUGMENTATIONS, ids=lambda choices: "-".join(choices))
def test_the_code_changes_images_as_training_does(choices: dict[str, Any], epoch: int) -> None:
    import tensorflow as tf

    from cifarviz.data.statistics import channel_mean_std
    from cifarviz.training.augmentation import AlternatingFlip, augment, mix, mixed_targets

    images = np.random.default_rng(2).integers(0, 256, (24, 9, 8, 3), np.uint8)
    labels = np.arange(24) % 5
    chosen = Augmentation(**choices)
    seed = tf.constant([7, 6], tf.int32)
    cover = channel_mean_std(images)[0]
    # The code counts epochs from 1.
    mirrored = AlternatingFlip(7, 24)(tf.range(24), epoch - 1)
    expected, targets = augment(tf.constant(images), chosen, seed, cover, mirrored), labels
    if chosen.mixes_labels:
        expected, shares = mix(expected, chosen, seed)
        targets = mixed_targets(tf.constant(labels), shares, 5)
    namespace: dict[str, Any] = {
        "np": np, "tf": tf, "math": math, "SEED": 7, "step": 3, "epoch": epoch,
        "chosen": np.arange(24),
        "train_images": images,
        "train_labels": np.eye(5)[labels] if chosen.mixes_labels else labels,
    }  # fmt: skip
    exec(augmentation_code(chosen), namespace)
    found, found_targets = eval(batch_code(chosen), namespace)
    np.testing.assert_allclose(found, expected, atol=0.02)
    np.testing.assert_allclose(found_targets, targets, atol=1e-5)


def test_a_constant_learning_rate_needs_no_section() -> None:
    assert learning_rate_section(Constant()) is None


def test_the_code_whitens_like_the_run() -> None:
    images = np.random.default_rng(3).integers(0, 256, (2100, 8, 8, 3), np.uint8)
    scale, offset = [0.01, 0.02, 0.015], [-1.0, -0.5, 0.0]
    kernels: list[np.ndarray] = []
    layer = SimpleNamespace(kernel=SimpleNamespace(assign=kernels.append))
    namespace = {"np": np, "SCALE": scale, "OFFSET": offset, "train_images": images,
            "network": SimpleNamespace(get_layer=lambda _: layer)}  # fmt: skip
    exec(Whitening(filters=10, kernel_size=2).kernel_code(), namespace)
    np.testing.assert_array_equal(kernels[0], whitening_kernel(images, scale, offset, 2, 10))


def test_the_name_of_a_run_stays_inside_the_comment(run: Run) -> None:
    hostile = replace(run, name='x """\nimport os\x00\x0c\u2028raise SystemExit # <img src=x>')
    source = script(hostile)
    tree = ast.parse(source)
    assert not any(isinstance(node, ast.Raise) for node in ast.walk(tree))
    assert source.splitlines()[2].startswith('# x """ import os')
    assert "<img" not in notebook(hostile).replace("\\\\<", "")


@pytest.mark.parametrize(
    "name", ["one-hot encoding", "coding: x", "vim: set fileencoding=x", *HOSTILE]
)
def test_a_script_compiles_for_any_name_of_its_run(run: Run, name: str) -> None:
    source = script(replace(run, name=name, machine=name, parent=name, parent_epoch=2))
    # From bytes, like a file, whose first lines may declare an encoding.
    compile(source.encode(), "train.py", "exec")
    assert detect_encoding(io.BytesIO(source.encode()).readline)[0] == "utf-8"
    head = source.split("\nimport ")[0].split("\nfrom ")[0]
    assert all(line.startswith("#") for line in head.splitlines() if line)
    json.loads(notebook(replace(run, name=name)))


def test_a_run_that_has_not_started_has_no_code(run: Run) -> None:
    with pytest.raises(ArtifactMissing, match="has not started"):
        script(replace(run, scaling_json=None))


def test_the_loss_of_the_code_is_the_plain_cross_entropy(run: Run) -> None:
    smoothed = Loss(labels="one_hot", label_smoothing=0.2)
    written = script(_with_experiment(run, stored_runs.experiment(loss=smoothed)))
    assert "loss=keras.losses.CategoricalCrossentropy(label_smoothing=0.2)" in written
    assert 'keras.metrics.CategoricalCrossentropy(name="cross_entropy")' in written
    assert 'monitor="val_cross_entropy"' in written
    assert "`cross_entropy` does not" not in script(_with_experiment(run, stored_runs.experiment()))


def test_the_code_notes_losses_of_an_earlier_version(run: Run) -> None:
    note = "by an earlier version (validation loss clipped at 16.1 per image)"
    written = script(_with_experiment(run, run.experiment, exact_loss_from=None))
    assert note in " ".join(written.replace("#", "").split())
    assert "earlier version" not in script(run)


def test_the_code_notes_weights_of_another_run_and_frozen_layers(run: Run) -> None:
    made = stored_runs.experiment(transfer={"run": "abcd1234", "layers": 4})
    written = " ".join(script(_with_experiment(run, made)).replace("#", "").split())
    assert "up to layer 4, with the weights of run abcd1234." in written
    assert "export its weights of epoch 0, and load them with network.load_weights" in written
    assert "trainable=False" not in written
    frozen = made.model_copy(update={"architecture": made.architecture.with_frozen(4)})
    written = script(_with_experiment(run, frozen))
    assert written.count("            trainable=False,") == 2
    assert "Frozen layers (trainable=False) stay as they start" in written
