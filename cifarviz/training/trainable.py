"""A network with its optimizer and its compiled training step."""

from dataclasses import dataclass
from typing import Literal

import keras

from cifarviz.experiment.experiment import Experiment
from cifarviz.network.build import build, whiten
from cifarviz.training.optimizers import build_optimizer
from cifarviz.training.plan import Plan
from cifarviz.training.step import TrainingImages, TrainingStep


@dataclass(frozen=True, eq=False)
class Trainable:
    """What learns."""

    model: keras.Model
    optimizer: keras.optimizers.Optimizer
    step: TrainingStep


def make_trainable(
    experiment: Experiment,
    plan: Plan,
    images: TrainingImages,
    precision: Literal["float32", "bfloat16"],
) -> Trainable:
    """Build them as the experiment says, with its first weights."""
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
