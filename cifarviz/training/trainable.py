"""A network with its optimizer and its compiled training step."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import keras
import tensorflow as tf

from cifarviz.errors import TrainingFailed
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.optimizers import Optimizer
from cifarviz.network.build import build, whiten
from cifarviz.network.variables import trainable_variables
from cifarviz.training.muon import KernelMuon
from cifarviz.training.plan import Plan
from cifarviz.training.step import TrainingStep, TrainingTensors


@dataclass(frozen=True, eq=False)
class Trainable:
    """A network, its optimizer and its training step."""

    model: keras.Model
    optimizer: keras.optimizers.Optimizer
    step: TrainingStep


def make_trainable(
    experiment: Experiment,
    plan: Plan,
    images: TrainingTensors,
    precision: Literal["float32", "bfloat16"],
) -> Trainable:
    """Build the network, optimizer and step of an experiment, with its initial weights."""
    model = build(
        experiment.architecture,
        plan.scaling,
        l2=experiment.l2,
        seed=experiment.seed,
        precision=precision,
        prediction_views=experiment.prediction_views,
    )
    whiten(model, experiment.architecture, plan.scaling, plan.train.images)
    optimizer = build_optimizer(experiment.optimizer)
    optimizer.build(trainable_variables(model))
    return Trainable(model, optimizer, TrainingStep(model, optimizer, experiment, images))


def build_optimizer(optimizer: Optimizer) -> keras.optimizers.Optimizer:
    """Build the Keras optimizer; the training step sets its learning rate."""
    own = {"KernelMuon": KernelMuon}
    name = optimizer.keras_class
    keras_class = own[name] if name in own else getattr(keras.optimizers, name)
    built: keras.optimizers.Optimizer = keras_class(
        optimizer.learning_rate, **optimizer.keras_arguments()
    )
    return built


@contextmanager
def training_failures(precision: Callable[[], str | None]) -> Iterator[None]:
    """Raise ``TrainingFailed`` for what this computer cannot do.

    ``precision`` returns that of the network, as far as it is known.
    """
    try:
        yield
    except (tf.errors.ResourceExhaustedError, MemoryError) as error:
        raise TrainingFailed(
            "There was not enough memory for this network and batch size. Choose a smaller batch "
            "size or a smaller network."
        ) from error
    except tf.errors.OpError as error:
        if precision() != "bfloat16":
            raise
        raise TrainingFailed(
            "This processor cannot train this network in bfloat16. Choose float32 as the "
            "precision, or auto, and train again."
        ) from error
