"""Notes on how an exported program differs from its run."""

from collections.abc import Collection, Iterator
from typing import Any

from cifarviz.experiment.experiment import Experiment
from cifarviz.export.code.data import set_sizes
from cifarviz.runs.earlier_losses import earlier_losses
from cifarviz.runs.records import Run
from cifarviz.runs.run_data import is_data_unchanged
from cifarviz.runs.states import RunState
from cifarviz.runs.stored_weights import training_position
from cifarviz.value_text import format_value

COVERED = frozenset(
    {
        "format", "preset", "data", "validation", "preprocessing", "augmentation", "architecture",
        "optimizer", "schedule", "batch_size", "epochs", "loss", "l2", "seed", "precision",
        "monitor", "early_stopping", "best_only", "tensorboard", "test_epochs", "mirrored_answers",
        "prediction_shift",
        "transfer",
    }
)  # fmt: skip
"""The fields of an experiment that the code or a note in this file covers."""

COVERED_PARTS = {
    "data": frozenset(
        {
            "dataset",
            "variant",
            "train_images",
            "wrong_labels",
            "wrong_labels_seed",
            "class_balance",
        }
    ),
    "augmentation": frozenset(
        {
            "flip",
            "alternating_flip",
            "shift",
            "rotation",
            "zoom",
            "brightness",
            "contrast",
            "saturation",
            "hue",
            "cutout",
            "mixup",
            "cutmix",
        }
    ),
    "early_stopping": frozenset({"patience", "restore_best_weights"}),
    "loss": frozenset({"labels", "label_smoothing"}),
}
"""The same for the fields of the experiment's parts."""


def differences(run: Run, in_halves: Collection[int]) -> tuple[str, ...]:
    """Return a note on each difference between the code and its run."""
    return tuple(_differences(run, in_halves))


def precision_of(run: Run) -> str:
    """Return the run's precision, ``float32`` or ``bfloat16``; float32 if not decided yet."""
    if run.precision is not None:
        return run.precision
    precision = run.experiment.precision
    return "float32" if precision == "auto" else precision


def _differences(run: Run, in_halves: Collection[int]) -> Iterator[str]:
    experiment = run.experiment
    if precision_of(run) == "bfloat16":
        yield (
            "The run trained in bfloat16, and so does this program. Values have about three "
            "digits, so the two histories are similar but not equal. Remove "
            'dtype="mixed_bfloat16" to train in float32.'
        )
    if not is_data_unchanged(run):
        yield (
            "The images have changed since the run was trained on them: this program trains on "
            "those of now."
        )
    train = experiment.sizes(*set_sizes(experiment)).train
    if in_halves and train % experiment.batch_size == 1:
        yield (
            "The last batch of each epoch is one image, for which the run drew dropout once and "
            "this program twice: from the second epoch on dropout differs."
        )
    if run.parent_epoch:
        yield (
            f"The run is a fork of run {run.parent} after epoch {run.parent_epoch}. This program "
            "does not have those weights: it trains from the start with the fork's settings."
        )
    elif (transfer := experiment.transfer) is not None:
        yield (
            f"The run starts its first layers, up to layer {transfer.layers}, with the weights of "
            f"run {transfer.run}. This program does not have those weights, and starts all layers "
            "with random ones. To start as the run did, export its weights of epoch 0, and load "
            "them with network.load_weights before training."
        )
    if (run.parent_epoch or experiment.transfer) and experiment.architecture.is_partly_frozen:
        yield (
            "Frozen layers (trainable=False) stay as they start: without those weights, train them "
            "too."
        )
    if experiment.tensorboard:
        yield (
            "The run wrote TensorBoard files. For the same, add "
            'keras.callbacks.TensorBoard("logs", histogram_freq=1) to the callbacks.'
        )
    if run.state is not RunState.FINISHED and run.epochs_done < experiment.epochs:
        yield (
            f"The run is {run.state} {training_position(run)} (of {experiment.epochs}); this "
            "program trains all epochs."
        )
    if (earlier := earlier_losses(run)) is not None:
        yield (
            f"The run's losses were computed by an earlier version ({earlier.label}); this program "
            "computes the plain cross-entropy."
        )
    yield from _uncovered_fields(experiment)


def _uncovered_fields(experiment: Experiment) -> Iterator[str]:
    """Notes on fields that were added to experiments but not to the code."""
    yield from _uncovered_values(experiment, COVERED, "")
    for name, covered in COVERED_PARTS.items():
        part = getattr(experiment, name)
        if part is not None:
            yield from _uncovered_values(part, covered, f"{Experiment.label(name)}: ")


def _uncovered_values(value: Any, covered: frozenset[str], prefix: str) -> Iterator[str]:
    for name, field in type(value).model_fields.items():
        setting = getattr(value, name)
        if name not in covered and setting != field.get_default(call_default_factory=True):
            label = f"{prefix}{type(value).label(name)}"
            yield f"This program ignores the run's setting “{label}”: {format_value(setting)}."
