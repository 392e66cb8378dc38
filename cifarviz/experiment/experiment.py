"""Everything that decides the outcome of a training run, as one frozen value."""

import json
from dataclasses import dataclass
from math import ceil
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, ValidationError, model_validator

from cifarviz.data.datasets import DATASETS
from cifarviz.errors import ExperimentInvalid, UnknownFormat
from cifarviz.experiment.architecture import Architecture, in_words
from cifarviz.experiment.choices import (
    Augmentation,
    Data,
    Loss,
    NoValidation,
    SplitValidation,
    TestValidation,
    Validation,
)
from cifarviz.experiment.optimizers import Adam, Optimizer
from cifarviz.experiment.preprocessing import Divide, Preprocessing
from cifarviz.experiment.problems import describe
from cifarviz.experiment.schedules import Constant, Cosine, Schedule
from cifarviz.experiment.value import Value

__all__ = [
    "FORMAT",
    "Augmentation",
    "Data",
    "Experiment",
    "Loss",
    "NoValidation",
    "Sizes",
    "SplitValidation",
    "TestValidation",
    "Validation",
]

FORMAT: Literal[1] = 1


@dataclass(frozen=True)
class Sizes:
    """How many images a run trains and validates on, and how many steps an epoch has."""

    train: int
    validation: int
    steps_per_epoch: int
    """The last step of an epoch takes the images that are left."""


class Experiment(Value):
    """Data, preprocessing, network and training, with every choice written out.

    Equal experiments with equal data give equal histories on one machine in float32.
    """

    title: ClassVar[str] = "Experiment"

    format: Literal[1] = FORMAT
    preset: str | None = Field(
        default=None,
        max_length=100,
        title="preset",
        description="The name of the published experiment this one started from.",
    )
    data: Data = Field(
        default=Data(), title="data", description="Which images are trained on, and how many."
    )
    validation: Validation = Field(
        default=SplitValidation(),
        title="validation",
        description="Which images, not trained on, tell how well the network does on new ones.",
    )
    preprocessing: Preprocessing = Field(
        default=Divide(),
        title="preprocessing",
        description="What is done to the raw pixels, 0 to 255, before the first layer.",
    )
    augmentation: Augmentation = Field(
        default=Augmentation(),
        title="augmentation",
        description="Random changes to the training images, so that the network sees more variety.",
    )
    architecture: Architecture = Field(
        title="architecture", description="The layers of the network, one after another."
    )
    optimizer: Optimizer = Field(
        default=Adam(),
        title="optimiser",
        description="How the weights follow the gradient of the loss.",
    )
    schedule: Schedule = Field(
        default=Constant(),
        title="schedule",
        description="How the learning rate changes over the run.",
    )
    batch_size: int = Field(
        default=32,
        ge=1,
        le=4096,
        title="batch size",
        description="How many images are looked at for one step of the weights.",
    )
    epochs: int = Field(
        default=10,
        ge=1,
        le=1000,
        title="number of epochs",
        description="How many times the network sees all training images.",
    )
    loss: Loss = Field(
        default=Loss(),
        title="loss",
        description="How wrong the network is, as one number that training makes smaller.",
    )
    l2: float = Field(
        default=0.0,
        ge=0,
        le=1,
        title="L2 penalty",
        description="How strongly large weights of convolution and dense layers are punished, "
        "against overfitting; 0 is not at all.",
    )
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = Field(
        default=0,
        title="seed",
        description="Decides everything random: first weights, order of the images, dropout; the "
        "same seed gives the same run.",
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        default="auto",
        title="precision",
        description="How exactly the network calculates; auto is float32 for now, and bfloat16 "
        "is faster on some processors.",
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        problems = []
        info = DATASETS[self.data.dataset]
        network = self.architecture
        if network.input_shape != tuple(info.image_shape):
            problems.append(
                f"The network takes {in_words(network.input_shape)} images and {info.title} has "
                f"{in_words(info.image_shape)}: use a network made for this data set."
            )
        if network.classes != len(info.classes):
            problems.append(
                f"The network tells {network.classes} classes apart and {info.title} has "
                f"{len(info.classes)}: change the output layer."
            )
        if isinstance(self.schedule, Cosine) and self.schedule.warmup_epochs >= self.epochs:
            problems.append(
                f"The warm-up takes {self.schedule.warmup_epochs} epochs and the whole run has "
                f"{self.epochs}: use a shorter warm-up or more epochs."
            )
        if problems:
            raise ValueError(*problems)
        return self

    def to_json(self) -> str:
        """Every field, defaults too, so that a default changed later alters no stored run."""
        return self.model_dump_json(indent=2)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what ``to_json`` wrote.

        Raises ``UnknownFormat`` for a format number other than 1 and ``ExperimentInvalid`` for
        anything else that is not an experiment.
        """
        fields = _parsed(text)
        written = fields.get("format")
        if written != FORMAT or isinstance(written, bool):
            raise UnknownFormat(
                f"This experiment has format {_short(written)} and this version of cifarviz reads "
                f"format {FORMAT}: open it with the version that wrote it."
            )
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise ExperimentInvalid(" ".join(describe(error, cls))) from error

    def sizes(self, train_images: int, test_images: int) -> Sizes:
        """Work out the numbers of images for a data set with so many of each.

        The split is counted as scikit-learn's ``train_test_split`` does. Raises
        ``ExperimentInvalid`` where a choice asks for more images than there are, or for none.
        """
        train, validation = train_images, 0
        match self.validation:
            case SplitValidation(fraction=fraction):
                validation = ceil(fraction * train_images)
                train = train_images - validation
                if train < 1 or validation < 1:
                    empty = "training" if train < 1 else "validation"
                    raise ExperimentInvalid(
                        f"A validation fraction of {fraction:g} of {train_images:,} images leaves "
                        f"none for {empty}: choose another fraction or more images."
                    )
            case TestValidation():
                validation = test_images
                if validation < 1:
                    raise ExperimentInvalid(
                        "Validation by the test images was chosen and there are none: validate by "
                        "a split, or not at all."
                    )
            case NoValidation():
                pass
        if train < 1:
            raise ExperimentInvalid("There are no training images in this data set.")
        wanted = self.data.train_images
        if wanted is not None and wanted > train:
            left = " after the split" if isinstance(self.validation, SplitValidation) else ""
            raise ExperimentInvalid(
                f"{wanted:,} training images were asked for and there are {train:,}{left}: choose "
                "fewer, or the full data set."
            )
        train = train if wanted is None else wanted
        if self.batch_size > train:
            raise ExperimentInvalid(
                f"A batch of {self.batch_size:,} is larger than the {train:,} training images: "
                f"choose a batch size of at most {train:,}."
            )
        return Sizes(train, validation, ceil(train / self.batch_size))

    def check_against(self, train_images: int, test_images: int = 1) -> None:
        """Raise ``ExperimentInvalid`` if the choices don't fit a data set of this size."""
        self.sizes(train_images, test_images)


def _parsed(text: str) -> dict[str, Any]:
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ExperimentInvalid("This is not an experiment: it is not valid JSON.") from error
    if not isinstance(fields, dict) or "format" not in fields:
        raise ExperimentInvalid("This is not an experiment: it has no format number.")
    return fields


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 20 else f"{text[:20]}…"
