"""A network with its optimizer and its compiled training step."""

from dataclasses import dataclass
from typing import Literal

import keras

from cifarviz.experiment import optimizers as spec
from cifarviz.experiment.experiment import Experiment
from cifarviz.network.build import build, whiten
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
    optimizer.build(model.trainable_variables)
    return Trainable(model, optimizer, TrainingStep(model, optimizer, experiment, images))


def build_optimizer(optimizer: spec.Optimizer) -> keras.optimizers.Optimizer:
    """Build the Keras optimizer; the training step sets its learning rate."""
    rate = optimizer.learning_rate
    match optimizer:
        case spec.SGD(momentum=momentum, nesterov=nesterov):
            return keras.optimizers.SGD(rate, momentum=momentum, nesterov=nesterov)
        case spec.AdamW(weight_decay=weight_decay):
            return keras.optimizers.AdamW(rate, weight_decay=weight_decay)
        case spec.RMSprop():
            return keras.optimizers.RMSprop(rate)
        case spec.Adam():
            return keras.optimizers.Adam(rate)
    raise TypeError(f"no Keras optimizer for {optimizer!r}")
