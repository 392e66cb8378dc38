"""Everything that decides the outcome of a training run, as one frozen value."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator

from cifarviz.datasets.registry import find_dataset
from cifarviz.errors import ExperimentInvalid
from cifarviz.experiment.architecture import Architecture
from cifarviz.experiment.choices import (
    Augmentation,
    Data,
    EarlyStopping,
    Loss,
    NoValidation,
    SplitValidation,
    TestValidation,
    Validation,
)
from cifarviz.experiment.optimizers import Adam, OptimizerSpec
from cifarviz.experiment.prediction_views import PredictionViews
from cifarviz.experiment.preprocessing import Divide, Preprocessing
from cifarviz.experiment.saved_epochs import validate_epochs
from cifarviz.experiment.schedules import Constant, Cosine, Schedule
from cifarviz.experiment.split_sizes import SplitSizes, compute_split_sizes
from cifarviz.experiment.stored_format import FORMAT, upgrade_json
from cifarviz.experiment.transfer import Transfer
from cifarviz.layers.base import format_shape
from cifarviz.value import Value, describe_errors

__all__ = [
    "FORMAT",
    "Augmentation",
    "Data",
    "EarlyStopping",
    "Experiment",
    "Loss",
    "Monitor",
    "NoValidation",
    "SplitSizes",
    "SplitValidation",
    "TestValidation",
    "Transfer",
    "Validation",
]

Monitor = Literal["loss", "accuracy"]
"""The metric that decides which epoch is best."""


class Experiment(Value):
    """Data, preprocessing, network and training, with every choice written out.

    Equal experiments with equal data give equal histories on one machine in float32.
    """

    title: ClassVar[str] = "Experiment"

    format: Literal[4] = FORMAT
    preset: str | None = Field(
        default=None,
        max_length=100,
        title="preset",
        description="The name of the published experiment this one started from.",
    )
    data: Data = Field(
        default=Data(), title="data", description="The images to train on, and how many of them."
    )
    validation: Validation = Field(
        default=SplitValidation(),
        title="validation",
        description="The images that measure how well the network does on images it was not "
        "trained on.",
    )
    preprocessing: Preprocessing = Field(
        default=Divide(),
        title="preprocessing",
        description="How the raw pixels, 0 to 255, are scaled before the first layer.",
    )
    augmentation: Augmentation = Field(
        default=Augmentation(),
        title="augmentation",
        description="Random changes to the training images, so that the network sees more variety.",
    )
    architecture: Architecture = Field(
        title="architecture", description="The layers of the network, one after another."
    )
    optimizer: OptimizerSpec = Field(
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
        description="How many images are used for each update of the weights.",
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
        description="The number that training minimises: how far the network's predictions are "
        "from the labels.",
    )
    l2: float = Field(
        default=0.0,
        ge=0,
        le=1,
        title="L2 penalty",
        description="How strongly large weights of convolution and dense layers are penalised, to "
        "reduce overfitting; 0 means no penalty.",
    )
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = Field(
        default=0,
        title="seed",
        description="Decides everything random: initial weights, order of the images, dropout. The "
        "same seed gives the same run.",
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        default="auto",
        title="precision",
        description="The number format of the calculations. bfloat16 is several times faster on "
        "processors that support it; auto times a few steps of each and uses the faster.",
    )
    monitor: Monitor = Field(
        default="loss",
        title="monitor",
        description="The metric that decides which epoch is best and when early stopping ends the "
        "run. It is measured on the validation images, or on the training images without "
        "validation.",
    )
    early_stopping: EarlyStopping | None = Field(
        default=None,
        title="early stopping",
        description="Stops the run when several epochs in a row bring no improvement.",
    )
    best_only: bool = Field(
        default=False,
        title="best checkpoint only",
        description="Saves only the checkpoint of the best epoch when the run finishes, not that "
        "of the last epoch. Weights saved during the run stay available.",
    )
    tensorboard: bool = Field(
        default=False,
        title="TensorBoard files",
        description="Writes loss, accuracy and histograms of all weights after each epoch as "
        "TensorBoard files.",
    )
    test_epochs: tuple[int, ...] = Field(
        default=(),
        title="save test predictions at epochs",
        description="Saves the predictions for all test images after these epochs, so that the "
        "epochs of one run can form an ensemble.",
    )

    mirrored_answers: bool = Field(
        default=False,
        title="average with mirrored image",
        description="Averages the predictions for each image and its mirror image: slightly more "
        "accurate, and twice as slow. Training does not change.",
    )
    prediction_shift: int = Field(
        default=0,
        ge=0,
        le=4,
        title="shift of averaged images",
        description="Averages the predictions for each image and for the image moved by this many "
        "pixels, 1 to 4, up and left, and down and right; 0 means not at all. Slightly more "
        "accurate, and three times as slow, with mirrored images six times. Training does not "
        "change.",
    )
    transfer: Transfer | None = Field(
        default=None,
        title="transfer",
        description="Starts the first layers with weights that another run has learned, instead of "
        "random ones. All other layers start fresh.",
    )

    @field_validator("test_epochs", mode="before")
    @classmethod
    def _epochs_in_order(cls, value: object) -> tuple[int, ...]:
        return validate_epochs(value)

    @model_validator(mode="after")
    def _check_combination(self) -> Self:
        problems = []
        info = find_dataset(self.data.dataset)
        network = self.architecture
        if network.input_shape != tuple(info.image_shape):
            problems.append(
                f"The network takes {format_shape(network.input_shape)} images and {info.title} "
                f"has {format_shape(info.image_shape)} images. Use a network made for this data "
                "set."
            )
        if network.classes != len(info.classes):
            problems.append(
                f"The network has {network.classes} classes and {info.title} has "
                f"{len(info.classes)}. Change the output layer."
            )
        problems += self.augmentation.find_problems(info.image_shape, self.data)
        if self.prediction_shift >= min(info.image_shape[:2]):
            problems.append(
                f"Images of {format_shape(info.image_shape)} cannot be moved by "
                f"{self.prediction_shift} pixels. Choose a smaller shift of averaged images."
            )
        if not network.trace().trainable_parameters:
            problems.append("All layers are frozen, so nothing would be trained. Unfreeze a layer.")
        transfer = self.transfer
        if transfer is not None and not transfer.run:
            problems.append("Choose the run whose weights the first layers start with.")
        if transfer is not None and transfer.layers > len(network.layers):
            problems.append(
                f"{transfer.layers} layers cannot be taken: the network has "
                f"{len(network.layers)}. Take fewer layers."
            )
        if isinstance(self.schedule, Cosine) and self.schedule.warmup_epochs >= self.epochs:
            problems.append(
                f"The warm-up takes {_epochs(self.schedule.warmup_epochs)} and the run has "
                f"{_epochs(self.epochs)}. Use a shorter warm-up or more epochs."
            )
        stopping = self.early_stopping
        if stopping is not None and stopping.patience >= self.epochs:
            problems.append(
                f"Early stopping with a patience of {_epochs(stopping.patience)} can never stop a "
                f"run of {_epochs(self.epochs)}. Choose a smaller patience or more epochs, or "
                "switch it off."
            )
        if self.test_epochs and self.test_epochs[-1] > self.epochs:
            problems.append(
                f"Test predictions cannot be saved at epoch {self.test_epochs[-1]} of a run of "
                f"{_epochs(self.epochs)}. Choose earlier epochs, or train for more."
            )
        if problems:
            raise ValueError(*problems)
        return self

    @property
    def prediction_views(self) -> PredictionViews:
        """The versions of an image whose predictions are averaged."""
        return PredictionViews(self.mirrored_answers, self.prediction_shift)

    def to_json(self) -> str:
        """Return every field, including defaults, so that stored runs keep theirs."""
        return self.model_dump_json(indent=2)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read the JSON of ``to_json``, of this version or an older one.

        Raises ``UnknownFormat`` for a newer format, ``ExperimentInvalid`` for anything else that
        is not an experiment.
        """
        current = upgrade_json(text)
        try:
            return cls.model_validate_json(current)
        except ValidationError as error:
            raise ExperimentInvalid(" ".join(describe_errors(error, cls))) from error

    def sizes(self, train_images: int, test_images: int) -> SplitSizes:
        """Compute the numbers of images and steps for a data set of this size.

        Raises ``ExperimentInvalid`` if a setting needs more images than there are, or leaves none.
        """
        return compute_split_sizes(
            self.validation,
            self.data.train_images,
            self.batch_size,
            train_images=train_images,
            test_images=test_images,
        )

    def check_against(self, train_images: int, test_images: int = 1) -> None:
        """Raise ``ExperimentInvalid`` if the settings do not fit a data set of this size."""
        self.sizes(train_images, test_images)


def _epochs(number: int) -> str:
    return "1 epoch" if number == 1 else f"{number} epochs"
