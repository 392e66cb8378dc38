"""Options that make an experiment of a preset, for the commands that train."""

from collections.abc import Sequence
from enum import StrEnum
from math import nan
from typing import Annotated, Any, Literal

import typer

from cifarviz.cli.output import print_message
from cifarviz.data.library import available_variants
from cifarviz.datasets.registry import find_dataset
from cifarviz.errors import ExperimentInvalid
from cifarviz.experiment.augmentation_text import parse_augmentation
from cifarviz.experiment.changes import differences
from cifarviz.experiment.choices import VALIDATIONS, AnyValidation, SplitValidation
from cifarviz.experiment.dataset_fitting import fit_experiment
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.presets import find_preset, patience_exceeds
from cifarviz.installation import program_name
from cifarviz.settings import Settings


class Variant(StrEnum):
    """The sample or the full data set."""

    SAMPLE = "sample"
    FULL = "full"


class Precision(StrEnum):
    """The precision of calculations."""

    AUTO = "auto"
    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"


class ClassBalance(StrEnum):
    """What makes rare classes count as much as common ones."""

    NONE = "none"
    CLASS_WEIGHTS = "class-weights"
    RESAMPLING = "resampling"


PresetName = Annotated[str, typer.Argument(help="A preset's name (see presets).")]
DatasetName = Annotated[
    str | None,
    typer.Option(
        help="A data set's name (see data list). Default: the preset's; the network is fitted "
        "to any other."
    ),
]
DataVariant = Annotated[
    Variant | None,
    typer.Option(help="Default: the full set if it is on this machine, else the sample."),
]
Epochs = Annotated[int | None, typer.Option(help="Default: as published.")]
TrainImages = Annotated[int | None, typer.Option(help="Number of training images after the split.")]
Balance = Annotated[
    ClassBalance | None,
    typer.Option(
        help="For unequal classes: weigh the loss by class, or draw each class equally often. "
        "Default: as published."
    ),
]
ValidatedOn = Annotated[
    str | None,
    typer.Option(
        help="What an epoch is validated on: test, none, or the share of all training images to "
        "hold back, such as 0.1. Default: as published."
    ),
]
Augment = Annotated[
    list[str] | None,
    typer.Option(
        help="A random change to the training images: flip=on, alternating_flip=on, shift=4, "
        "rotation=15, zoom=0.2, brightness=0.2, contrast=0.4, saturation=0.5, hue=20, cutout=8, "
        "mixup=0.2, cutmix=1, or none. May be given several times; all others stay as they are."
    ),
]
BatchSize = Annotated[int | None, typer.Option(help="Default: as published.")]
Seed = Annotated[int | None, typer.Option(help="The seed of all random numbers.")]
UsedPrecision = Annotated[Precision, typer.Option()]


def make_experiment(
    preset: str,
    settings: Settings,
    *,
    dataset: str | None = None,
    data: Variant | None = None,
    epochs: int | None = None,
    train_images: int | None = None,
    class_balance: ClassBalance | None = None,
    validation: str | None = None,
    augment: Sequence[str] | None = None,
    batch_size: int | None = None,
    seed: int | None = None,
    precision: Precision = Precision.AUTO,
    **fields: Any,
) -> Experiment:
    """Return the experiment of a preset with these options, and say what had to be changed.

    ``fields`` replace any others of the preset's experiment. Raises ``ExperimentInvalid``.
    """
    experiment = find_preset(preset).experiment
    if dataset is not None:
        published, experiment = experiment, fit_experiment(experiment, dataset)
        _print_fitting(published, experiment)
    variant = data or _best_variant(experiment.data.dataset, settings)
    images = {**dict(experiment.data), "variant": str(variant), "train_images": train_images}
    if class_balance is not None:
        images["class_balance"] = str(class_balance).replace("-", "_")
    changes: dict[str, Any] = {"data": images, "precision": str(precision)}
    if validation is not None:
        changes["validation"] = _parse_validation(validation, experiment.validation)
    if augment:
        changes["augmentation"] = parse_augmentation(augment, experiment.augmentation)
    options = {"epochs": epochs, "batch_size": batch_size, "seed": seed}
    changes |= {name: value for name, value in options.items() if value is not None}
    if epochs is not None and patience_exceeds(experiment, epochs):
        assert experiment.early_stopping is not None
        patience = experiment.early_stopping.patience
        print_message(
            f"Early stopping is off: its patience of {patience} is too long for a run this short "
            f"(epochs: {epochs})."
        )
        changes["early_stopping"] = None
    return Experiment.make(**{**dict(experiment), **changes, **fields})


def _parse_validation(text: str, published: AnyValidation) -> AnyValidation:
    """Return the validation of that option; a share keeps the seed of a published split."""
    if text in ("none", "test"):
        return VALIDATIONS[text]()
    try:
        share = float(text)
    except ValueError:
        share = nan
    if not 0 < share < 1:
        raise ExperimentInvalid(
            "There is no validation “{text}”. Write test, none, or the share of all training "
            "images to hold back, above 0 and below 1, such as 0.1.",
            text=text[:40],
        )
    split = published if isinstance(published, SplitValidation) else SplitValidation()
    return split.make(**{**dict(split), "fraction": share})


def _print_fitting(published: Experiment, fitted: Experiment) -> None:
    """Say what of a preset was changed for another data set."""
    changes = [
        f"{difference.setting}: {' → '.join(difference.values)}"
        for difference in differences([published, fitted])
    ]
    if changes:
        title = find_dataset(fitted.data.dataset).title
        print_message(f"Fitted to {title}. {'; '.join(changes)}.")


def _best_variant(dataset: str, settings: Settings) -> Literal["sample", "full"]:
    available = available_variants(dataset, settings)
    if "full" in available or not available:
        # If neither is available, the worker's error says how to fetch the full set.
        return "full"
    print_message(
        "The full data set is not on this machine, so the embedded sample is used. "
        f"Fetch the full set with: {program_name()} data fetch {dataset}"
    )
    return "sample"
