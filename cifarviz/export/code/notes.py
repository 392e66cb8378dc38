"""What a script has to say of itself: what it reaches, and what it leaves out."""

from collections.abc import Collection, Iterator
from typing import Any

from cifarviz.experiment.experiment import Experiment
from cifarviz.export.code.data import set_sizes
from cifarviz.runs.earlier_losses import earlier_losses
from cifarviz.runs.records import Run
from cifarviz.runs.states import RunState
from cifarviz.runs.stored_weights import training_position
from cifarviz.value_text import value_words

WRITTEN = frozenset(
    {
        "format", "preset", "data", "validation", "preprocessing", "augmentation", "architecture",
        "optimizer", "schedule", "batch_size", "epochs", "loss", "l2", "seed", "precision",
        "monitor", "early_stopping", "best_only", "tensorboard", "test_epochs", "mirrored_answers",
    }
)  # fmt: skip
"""The fields of an experiment that the code has, or that are spoken of here by name."""

WRITTEN_INSIDE = {
    "data": frozenset({"dataset", "variant", "train_images", "wrong_labels", "wrong_labels_seed"}),
    "augmentation": frozenset({"flip", "shift"}),
    "early_stopping": frozenset({"patience", "restore_best_weights"}),
    "loss": frozenset({"labels", "label_smoothing"}),
}
"""The same of the fields of its parts, of those that have one class."""


def differences(run: Run, in_halves: Collection[int]) -> tuple[str, ...]:
    """A sentence on each thing that the code does differently from its run, or not at all."""
    return tuple(_differences(run, in_halves))


def precision_of(run: Run) -> str:
    """``float32`` or ``bfloat16``: what the run trained in, or float32 while that is open."""
    if run.precision is not None:
        return run.precision
    asked = run.experiment.precision
    return "float32" if asked == "auto" else asked


def _differences(run: Run, in_halves: Collection[int]) -> Iterator[str]:
    experiment = run.experiment
    if precision_of(run) == "bfloat16":
        yield (
            "The run trained in bfloat16, and so does this program. It rounds each value to about "
            "three digits, so the two histories agree in kind and not in their digits; without "
            'dtype="mixed_bfloat16" it trains in float32.'
        )
    train = experiment.sizes(*set_sizes(experiment)).train
    if in_halves and train % experiment.batch_size == 1:
        yield (
            "The last batch of each epoch is one image, for which the run drew dropout once and "
            "this program twice: from the second epoch on dropout takes other values away."
        )
    if run.parent_epoch:
        yield (
            f"The run is a fork: it went on from the weights that run {run.parent} had after epoch "
            f"{run.parent_epoch}. They are not in this program, which trains from the beginning "
            "with the fork's settings."
        )
    if experiment.tensorboard:
        yield (
            "The run wrote TensorBoard files, which this program does not: add "
            'keras.callbacks.TensorBoard("logs", histogram_freq=1) to its callbacks for them.'
        )
    if run.state is not RunState.FINISHED and run.epochs_done < experiment.epochs:
        yield (
            f"The run is {run.state} {training_position(run)} (of {experiment.epochs}); this "
            "program trains all epochs."
        )
    if (earlier := earlier_losses(run)) is not None:
        yield (
            f"The losses in the run's history are of an earlier version ({earlier.label}); those "
            "of this program are the plain cross-entropy."
        )
    yield from _left_out(experiment)


def _left_out(experiment: Experiment) -> Iterator[str]:
    """Fields that somebody has added to experiments and not to the code."""
    yield from _unwritten(experiment, WRITTEN, "")
    for part, written in WRITTEN_INSIDE.items():
        inside = getattr(experiment, part)
        if inside is not None:
            yield from _unwritten(inside, written, f"{Experiment.label(part)}: ")


def _unwritten(value: Any, written: frozenset[str], where: str) -> Iterator[str]:
    for name, field in type(value).model_fields.items():
        chosen = getattr(value, name)
        if name not in written and chosen != field.get_default(call_default_factory=True):
            words = f"{where}{type(value).label(name)}"
            yield f"The run had “{words}” at {value_words(chosen)}, which this program leaves out."
