"""A network with its optimizer and its compiled training step."""

from dataclasses import dataclass
from typing import Literal

import keras

from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.optimizers import Optimizer
from cifarviz.network.build import build, whiten
from cifarviz.network.variables import trainable_variables
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
        mirrored_answers=experiment.mirrored_answers,
    )
    whiten(model, experiment.architecture, plan.scaling, plan.train.images)
    optimizer = build_optimizer(experiment.optimizer)
    optimizer.build(trainable_variables(model))
    return Trainable(model, optimizer, TrainingStep(model, optimizer, experiment, images))


def build_optimizer(optimizer: Optimizer) -> keras.optimizers.Optimizer:
    """Build the Keras optimizer; the training step sets its learning rate."""
    keras_class = getattr(keras.optimizers, optimizer.keras_class)
    built: keras.optimizers.Optimizer = keras_class(
        optimizer.learning_rate, **optimizer.keras_arguments()
    )
    return built
