"""The training step uses only operations with GPU kernels."""

import pytest
import tensorflow as tf
from tensorflow.python.framework.kernels import get_registered_kernels_for_op

from cifarviz import processor
from cifarviz.data import library
from cifarviz.experiment.optimizers import OPTIMIZERS, SGD
from cifarviz.layers.activation import Activation
from cifarviz.layers.batch_norm import BatchNorm
from cifarviz.layers.conv2d import Conv2D
from cifarviz.layers.dense import Dense
from cifarviz.layers.dropout import Dropout
from cifarviz.layers.flatten import Flatten
from cifarviz.layers.pooling import MaxPool2D
from cifarviz.layers.whitening import Whitening
from cifarviz.network import threads
from cifarviz.settings import Settings
from cifarviz.training.plan import make_plan
from cifarviz.training.step import TrainingTensors
from cifarviz.training.trainable import make_trainable
from tests import stored_runs
from tests.training.test_augmentation import EVERYTHING

# What only describes a graph, and is done by no device.
_NO_WORK = {"Placeholder", "NoOp", "Const", "_Arg", "_Retval"}


def operations(function: tf.types.experimental.ConcreteFunction) -> set[str]:
    """The kinds of operations in a graph and in all functions that it calls."""
    definition = function.graph.as_graph_def()
    inside = {node.op for called in definition.library.function for node in called.node_def}
    names = {called.signature.name for called in definition.library.function}
    return {node.op for node in definition.node} | inside - names


@pytest.mark.parametrize(
    "optimizer", [*(make() for make in OPTIMIZERS.values()), SGD(nesterov=True)]
)
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_every_operation_of_the_step_has_a_kernel_for_gpus(
    optimizer: object, precision: str, settings: Settings
) -> None:
    if not tf.test.is_built_with_cuda():
        pytest.skip("This build of TensorFlow has no GPU kernels to look for.")
    made = stored_runs.experiment(
        Whitening(filters=8),
        Conv2D(filters=8, activation="linear", use_bias=False),
        MaxPool2D(),
        BatchNorm(),
        Activation(),
        Dropout(rate=0.2),
        Flatten(),
        Dense(units=10, activation="softmax"),
        optimizer=optimizer,
        augmentation=EVERYTHING,
        batch_size=32,
        l2=1e-4,
    )
    plan = make_plan(made, library.load("cifar10", "sample", settings))
    trainable = make_trainable(made, plan, TrainingTensors(plan.train), precision)  # type: ignore[arg-type]
    graph = trainable.step._compiled.get_concrete_function()  # type: ignore[attr-defined]
    missing = []
    for name in sorted(operations(graph) - _NO_WORK):
        kernels = get_registered_kernels_for_op(name).kernel
        # What only reads shapes or leads to other operations is done by any device.
        if kernels and not {"GPU", "DEFAULT"} & {kernel.device_type for kernel in kernels}:
            missing.append(name)
    assert missing == []


def test_on_a_gpu_batches_are_not_split(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processor, "_in_use", processor.ProcessorUse(None, 1, 2, 2))
    monkeypatch.setattr(tf.config.threading, "get_intra_op_parallelism_threads", lambda: 1)
    monkeypatch.setattr(tf.config.threading, "get_inter_op_parallelism_threads", lambda: 2)
    assert threads.batch_parts(64) == 2
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["one"])
    assert threads.batch_parts(64) == 1
