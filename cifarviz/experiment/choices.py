"""Data, validation, augmentation, early stopping and loss of an experiment."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from cifarviz.datasets.info import Variant
from cifarviz.datasets.registry import default_dataset, find_dataset
from cifarviz.errors import DatasetNotFound
from cifarviz.value import Value


class Data(Value):
    """The images to train on."""

    title: ClassVar[str] = "Data"

    dataset: str = Field(
        default=default_dataset().name,
        title="data set",
        description="The collection of images to train and test on.",
    )
    variant: Variant = Field(
        default="sample",
        title="variant",
        description="The full published data set, or the small embedded sample if the data set has "
        "one.",
    )
    train_images: int | None = Field(
        default=None,
        ge=1,
        le=100_000_000,
        title="number of training images",
        description="Trains on only this many images, counted after the split. Fewer images train "
        "faster and overfit sooner.",
    )
    wrong_labels: float = Field(
        default=0.0,
        ge=0,
        le=1,
        title="share of wrong labels",
        description="Gives this share of the training images, 0 to 1, a wrong label on purpose, to "
        "show memorisation. Validation and test images keep their correct labels.",
    )
    wrong_labels_seed: int = Field(
        default=0,
        ge=0,
        le=2**31 - 1,
        title="seed of wrong labels",
        description="Decides which images get a wrong label, and which class it is.",
    )
    class_balance: Literal["none", "class_weights", "resampling"] = Field(
        default="none",
        title="class balance",
        description="What makes rare classes count as much as common ones in training. Class "
        "weights multiply the loss of each image, more for rarer classes; resampling draws each "
        "class equally often in each epoch, so images of rare classes come several times. The "
        "loss shown is never weighted.",
    )

    @field_validator("dataset")
    @classmethod
    def _check_dataset(cls, name: str) -> str:
        try:
            return find_dataset(name).name
        except DatasetNotFound as error:
            raise ValueError(str(error)) from error

    @model_validator(mode="after")
    def _check_variant(self) -> Self:
        info = find_dataset(self.dataset)
        if self.variant not in info.variants:
            raise ValueError(
                f"{info.title} has no embedded sample. Use the full set, which the Data page lists."
            )
        return self


class SplitValidation(Value):
    """A share of the training images, split by scikit-learn's ``train_test_split``."""

    title: ClassVar[str] = "Split of the training images"
    short_title: ClassVar[str] = "validation split"
    explanation: ClassVar[str] = (
        "Sets aside a share of the training images for validation; the network does not train on "
        "them."
    )

    kind: Literal["split"] = "split"
    fraction: float = Field(
        default=0.2,
        gt=0,
        lt=1,
        title="validation fraction",
        description="The share of the training images used for validation.",
    )
    seed: int = Field(
        default=42,
        ge=0,
        le=2**31 - 1,
        title="split seed",
        description="Decides which images are used for validation; the same seed gives the same "
        "split.",
    )


class TestValidation(Value):
    """Validation on the test images during training."""

    __test__: ClassVar[bool] = False  # pytest collects classes named Test…

    title: ClassVar[str] = "The test images"
    short_title: ClassVar[str] = "validated on test"
    explanation: ClassVar[str] = (
        "Validates on the test images. If you choose settings by their result, that result is too "
        "optimistic, so use a split for tuning."
    )

    kind: Literal["test"] = "test"


class NoValidation(Value):
    """No validation."""

    title: ClassVar[str] = "None"
    short_title: ClassVar[str] = "no validation"
    explanation: ClassVar[str] = (
        "Trains on every training image and measures no unseen images, so you cannot see "
        "overfitting."
    )

    kind: Literal["none"] = "none"


AnyValidation = SplitValidation | TestValidation | NoValidation
Validation = Annotated[AnyValidation, Field(discriminator="kind")]

VALIDATIONS: Mapping[str, type[AnyValidation]] = MappingProxyType(
    {"split": SplitValidation, "test": TestValidation, "none": NoValidation}
)
"""Every validation class by its ``kind``, in the order a menu shows them."""


class Augmentation(Value):
    """Random changes to each training image, in the order of the fields."""

    title: ClassVar[str] = "Augmentation"

    flip: bool = Field(
        default=False,
        title="flip",
        description="Mirrors a random half of the training images left to right in each epoch.",
    )
    alternating_flip: bool = Field(
        default=False,
        title="alternating flip",
        description="Mirrors a random half of the training images left to right in the first "
        "epoch, the other half in the second, and so on: in two epochs the network sees both sides "
        "of each image (arXiv 2404.00498). Choose this or flip.",
    )
    shift: int = Field(
        default=0,
        ge=0,
        le=8,
        title="shift",
        description="Moves each training image by up to this many pixels each way, in each epoch. "
        "The border is mirrored: this equals padding by reflection, then a random crop.",
    )
    rotation: float = Field(
        default=0.0,
        ge=0,
        le=180,
        title="rotation",
        description="Turns each training image by a random angle of up to this many degrees, "
        "either way.",
    )
    zoom: float = Field(
        default=0.0,
        ge=0,
        le=0.9,
        title="zoom",
        description="Enlarges or shrinks each training image by up to this share: with 0.2, to "
        "0.8 to 1.2 times its size.",
    )
    brightness: float = Field(
        default=0.0,
        ge=0,
        le=1,
        title="brightness",
        description="Adds a random value to all pixels of a training image, up to this share of "
        "their range of 255, either way.",
    )
    contrast: float = Field(
        default=0.0,
        ge=0,
        le=1,
        title="contrast",
        description="Multiplies the distance of each pixel from the mean of its training image by "
        "a random factor: with 0.4, by 0.6 to 1.4.",
    )
    saturation: float = Field(
        default=0.0,
        ge=0,
        le=1,
        title="saturation",
        description="Multiplies the distance of each colour from grey by a random factor: with "
        "0.4, by 0.6 to 1.4. For colour images only.",
    )
    hue: float = Field(
        default=0.0,
        ge=0,
        le=180,
        title="hue",
        description="Turns all colours of a training image on the colour wheel by up to this many "
        "degrees, either way. For colour images only.",
    )
    cutout: int = Field(
        default=0,
        ge=0,
        le=256,
        title="cutout",
        description="Covers a square with this side, in pixels, around a random pixel of each "
        "training image with the mean colour of the training images (arXiv 1708.04552).",
    )
    mixup: float = Field(
        default=0.0,
        ge=0,
        le=32,
        title="mixup",
        description="Blends each training image, and its label, with another of its batch; the "
        "shares are drawn from a beta distribution with this α, and 0 means never "
        "(arXiv 1710.09412). Training accuracy counts the label with the larger share.",
    )
    cutmix: float = Field(
        default=0.0,
        ge=0,
        le=32,
        title="CutMix",
        description="Replaces a random rectangle of each training image by that of another of its "
        "batch, and mixes the labels by area; the area is drawn from a beta distribution with "
        "this α, and 0 means never (arXiv 1905.04899). With mixup, each image gets one of both at "
        "random.",
    )

    @model_validator(mode="after")
    def _check_flips(self) -> Self:
        if self.flip and self.alternating_flip:
            raise ValueError(
                "Flip and alternating flip both mirror images: switch one of them off."
            )
        return self

    @property
    def is_on(self) -> bool:
        """Whether training images are changed at all."""
        return self != Augmentation()

    @property
    def mixes_labels(self) -> bool:
        """Whether a training image may have a share of another one, and of its label."""
        return self.mixup > 0 or self.cutmix > 0

    def find_problems(self, image_shape: Sequence[int], data: Data) -> list[str]:
        """Return a sentence for each setting that does not fit images of this shape, or ``data``.

        ``image_shape`` is height, width, channels.
        """
        problems = []
        if image_shape[2] == 1 and (self.saturation or self.hue):
            problems.append("Grey images have no colour to change: leave saturation and hue at 0.")
        side = min(image_shape[:2])
        if self.cutout >= side:
            problems.append(
                f"A cutout of {self.cutout} pixels could cover a whole image of {side} pixels. "
                "Choose a smaller side."
            )
        if self.mixes_labels and data.class_balance == "class_weights":
            problems.append(
                "Class weights need one class for each image, and mixup and CutMix give it two. "
                "Balance the classes by resampling, or set mixup and CutMix to 0."
            )
        return problems


# As pydantic reads a truth value that is typed.
_OFF = ("false", "off", "no", "n", "f", "0")
FLIPS = ("flip", "alternating_flip")
"""The fields of an augmentation of which only one can be on."""


def change_augmentation(fields: Mapping[str, Any], name: str, value: object) -> dict[str, Any]:
    """Return the fields of an augmentation with one changed; one flip replaces the other."""
    changed = {**fields, name: value}
    if name in FLIPS and str(value).lower() not in _OFF:
        changed |= {other: False for other in FLIPS if other != name}
    return changed


class EarlyStopping(Value):
    """Early stopping like Keras' callback with ``min_delta=0``."""

    title: ClassVar[str] = "Early stopping"
    explanation: ClassVar[str] = (
        "Stops the run when several epochs in a row bring no improvement over the best epoch."
    )

    patience: int = Field(
        default=3,
        ge=1,
        le=1000,
        title="patience",
        description="How many epochs in a row may bring no improvement before the run stops.",
    )
    restore_best_weights: bool = Field(
        default=True,
        title="restore the best weights",
        description="Ends the run with the weights of its best epoch instead of its last, even if "
        "it was not stopped early.",
    )


class Loss(Value):
    """Categorical cross-entropy with integer or one-hot labels."""

    title: ClassVar[str] = "Loss"

    labels: Literal["integer", "one_hot"] = Field(
        default="integer",
        title="labels",
        description="How labels are encoded for the loss: integer is the number of the class "
        "(sparse), one-hot is a row of zeros with a single 1. The results are the same.",
    )
    label_smoothing: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        title="label smoothing",
        description="Moves this share of each label from the true class to all classes evenly, "
        "which keeps the network from becoming overconfident.",
    )

    @model_validator(mode="after")
    def _check_smoothing(self) -> Self:
        if self.label_smoothing > 0 and self.labels == "integer":
            raise ValueError(
                "Label smoothing needs one-hot labels and the labels here are integers. Choose "
                "one-hot labels, or set label smoothing to 0."
            )
        return self
