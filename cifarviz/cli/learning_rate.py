"""``cifarviz learning-rate``: find a learning rate for a preset."""

from typing import Annotated, Any

import typer

from cifarviz.cli.experiment_options import (
    Augment,
    Balance,
    BatchSize,
    DatasetName,
    DataVariant,
    Precision,
    PresetName,
    Seed,
    TrainImages,
    UsedPrecision,
    make_experiment,
)
from cifarviz.cli.output import AsJson, print_json, print_message, print_table, progress_bar
from cifarviz.data import library
from cifarviz.experiment.formatting import format_rate
from cifarviz.loading import tensorflow_imports
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from cifarviz.training.range_test import MAX_STEPS, MIN_STEPS, RangeTest


def learning_rate(
    preset: PresetName,
    dataset: DatasetName = None,
    data: DataVariant = None,
    train_images: TrainImages = None,
    class_balance: Balance = None,
    augment: Augment = None,
    batch_size: BatchSize = None,
    seed: Seed = None,
    precision: UsedPrecision = Precision.AUTO,
    steps: Annotated[
        int | None,
        typer.Option(
            min=MIN_STEPS,
            max=MAX_STEPS,
            help="The number of training steps. Default: as many as this computer makes in 15 s.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Find a learning rate for a preset: train it for some steps, each with a higher rate.

    Nothing is stored. The exit code is 1 if the loss fell at no rate.
    """
    settings = Settings.from_environment()
    experiment = make_experiment(
        preset,
        settings,
        dataset=dataset,
        data=data,
        train_images=train_images,
        class_balance=class_balance,
        augment=augment,
        batch_size=batch_size,
        seed=seed,
        precision=precision,
    )
    images = library.load(experiment.data.dataset, experiment.data.variant, settings)
    with progress_bar() as bar:
        task = bar.add_task("building the network", total=None, rate="")
        with tensorflow_imports(settings.home):
            from cifarviz.training.rate_finder import find_learning_rate

        def update(test: RangeTest) -> None:
            if len(test.losses):
                rate = f"learning rate {test.rates[len(test.losses) - 1]:.1e}"
                done, total = len(test.losses), test.planned
                bar.update(task, description="training", completed=done, total=total, rate=rate)

        test = find_learning_rate(RunStore(settings), experiment, images, update, steps=steps)
    if as_json:
        print_json(_test_dict(test))
    else:
        rates = {"suggested": test.suggested, "steepest": test.steepest}
        print_table(
            ["learning rate", "value"],
            [(name, None if rate is None else format_rate(rate)) for name, rate in rates.items()],
        )
        print_message(f"{len(test.losses)} steps in {test.seconds:.1f} s.")
        if test.reason is not None:
            print_message(test.reason)
    if test.note is not None:
        print_message(test.note)
    return 0 if test.note is None else 1


def _test_dict(test: RangeTest) -> dict[str, Any]:
    """Return a test as JSON values; a loss that is not finite is ``None``."""
    smoothed = test.smoothed
    return {
        "suggested": test.suggested,
        "steepest": test.steepest,
        "points": [
            {"rate": rate, "loss": _finite(loss), "smoothed": _finite(mean)}
            for rate, loss, mean in zip(
                test.rates.tolist(), test.losses.tolist(), smoothed.tolist(), strict=False
            )
        ],
        "seconds": test.seconds,
        "note": test.note,
    }


def _finite(value: float) -> float | None:
    return value if abs(value) < float("inf") else None
