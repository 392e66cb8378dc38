"""The smaller choices of an experiment: which images, how validated, augmented and scored."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from cifarviz.datasets.info import Variant
from cifarviz.datasets.registry import default_dataset, find
from cifarviz.errors import DatasetNotFound
from cifarviz.value import Value


class Data(Value):
    """Which images are trained on."""

    title: ClassVar[str] = "Data"

    dataset: str = Field(
        default=default_dataset().name,
        title="data set",
        description="Which collection of images is used.",
    )
    variant: Variant = Field(
        default="sample",
        title="variant",
        description="The small sample that comes with cifarviz, where there is one, or the full "
        "published data set.",
    )
    train_images: int | None = Field(
        default=None,
        ge=1,
        le=100_000_000,
        title="number of training images",
        description="Train on this many images only, counted after the split; fewer images are "
        "faster and overfit sooner.",
    )
    wrong_labels: float = Field(
        default=0.0,
        ge=0,
        le=1,
        title="share of wrong labels",
        description="Gives this share of the training images, 0 to 1, a wrong label on purpose, to "
        "see them learned by heart; validation and test images keep the right ones.",
    )
    wrong_labels_seed: int = Field(
        default=0,
        ge=0,
        le=2**31 - 1,
        title="seed of wrong labels",
        description="Decides which labels are made wrong, and which class each gets instead.",
    )

    @field_validator("dataset")
    @classmethod
    def _exists(cls, name: str) -> str:
        try:
            return find(name).name
        except DatasetNotFound as error:
            raise ValueError(str(error)) from error

    @model_validator(mode="after")
    def _has_variant(self) -> Self:
        info = find(self.dataset)
        if self.variant not in info.variants:
            raise ValueError(
                f"{info.title} has no embedded sample: use the full set, which is fetched on the "
                "Start page."
            )
        return self


class SplitValidation(Value):
    """A share of the training images held back, as scikit-learn's ``train_test_split`` does."""

    title: ClassVar[str] = "Split of the training images"
    explanation: ClassVar[str] = (
        "Holds back a share of the training images, which the network never learns from."
    )

    kind: Literal["split"] = "split"
    fraction: float = Field(
        default=0.2,
        gt=0,
        lt=1,
        title="validation fraction",
        description="The share of the training images that is held back.",
    )
    seed: int = Field(
        default=42,
        ge=0,
        le=2**31 - 1,
        title="split seed",
        description="Decides which images are held back; the same seed gives the same split.",
    )


class TestValidation(Value):
    """The test images, watched during training."""

    __test__: ClassVar[bool] = False  # pytest takes classes named Test… for tests

    title: ClassVar[str] = "The test images"
    explanation: ClassVar[str] = (
        "Watches the test images during training; choosing by them makes their result too good to "
        "be true, so keep a split for tuning."
    )

    kind: Literal["test"] = "test"


class NoValidation(Value):
    """No validation at all."""

    title: ClassVar[str] = "None"
    explanation: ClassVar[str] = (
        "Trains on every image and looks at none it hasn't seen, so overfitting stays unseen."
    )

    kind: Literal["none"] = "none"


Validation = Annotated[SplitValidation | TestValidation | NoValidation, Field(discriminator="kind")]

VALIDATIONS: Mapping[str, type[SplitValidation | TestValidation | NoValidation]] = MappingProxyType(
    {"split": SplitValidation, "test": TestValidation, "none": NoValidation}
)
"""Every validation class by its ``kind``, in the order a menu shows them."""


class Augmentation(Value):
    """Random changes to each training image, new in each epoch."""

    title: ClassVar[str] = "Augmentation"

    flip: bool = Field(
        default=False,
        title="flip",
        description="Mirrors a random half of the training images left to right in each epoch.",
    )
    shift: int = Field(
        default=0,
        ge=0,
        le=8,
        title="shift",
        description="Moves each training image by up to this many pixels each way, in each epoch.",
    )


class EarlyStopping(Value):
    """Ending a run by itself, as Keras' callback of that name does with ``min_delta=0``."""

    title: ClassVar[str] = "Early stopping"
    explanation: ClassVar[str] = (
        "Ends the run by itself once several epochs in a row were no better than the best one."
    )

    patience: int = Field(
        default=3,
        ge=1,
        le=1000,
        title="patience",
        description="How many epochs in a row may bring nothing better before the run ends.",
    )
    restore_best_weights: bool = Field(
        default=True,
        title="restore the best weights",
        description="Whether the run ends with the weights of its best epoch instead of its last, "
        "also when it was not stopped early.",
    )


class Loss(Value):
    """Categorical cross-entropy, with the labels as numbers or as one-hot vectors."""

    title: ClassVar[str] = "Loss"

    labels: Literal["integer", "one_hot"] = Field(
        default="integer",
        title="labels",
        description="How classes are written for the loss: integer is one number a class (sparse), "
        "one-hot a row of zeros with a single 1; the results are the same.",
    )
    label_smoothing: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        title="label smoothing",
        description="Takes this share from the right class and spreads it over all, so that the "
        "network doesn't grow too sure of itself.",
    )

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        if self.label_smoothing > 0 and self.labels == "integer":
            raise ValueError(
                "Label smoothing spreads a label over the classes, which an integer label cannot: "
                "choose one-hot labels, or a smoothing of 0."
            )
        return self
