"""Checkpoints: everything a run needs to go on as if it had never been cut off."""

from dataclasses import asdict, dataclass
from pathlib import Path

import keras

from cifarviz.errors import ArtifactDamaged, UnknownFormat
from cifarviz.network.variables import assign, to_arrays
from cifarviz.runs.artifacts import checkpoint_path, load_arrays, save_arrays

FORMAT = 1


@dataclass
class Position:
    """Where a run stands. Sums are over the images of the epoch that is not finished yet."""

    step: int = 0
    epochs_done: int = 0
    images: int = 0
    loss_sum: float = 0.0
    hits: float = 0.0


def save_last(
    folder: Path,
    model: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    position: Position,
) -> None:
    """Keep weights, optimizer variables, random generators and the position."""
    save_arrays(
        checkpoint_path(folder, "last"),
        to_arrays(model, optimizer),
        {"format": FORMAT, **asdict(position)},
    )


def save_best(folder: Path, model: keras.Model, epoch: int) -> None:
    """Keep the weights as they are after ``epoch``; the optimizer is not needed to predict."""
    save_arrays(
        checkpoint_path(folder, "best"), to_arrays(model), {"format": FORMAT, "epoch": epoch}
    )


def restore_last(
    folder: Path, model: keras.Model, optimizer: keras.optimizers.Optimizer
) -> Position:
    """Put back what ``save_last`` kept; the beginning when there is nothing yet.

    Raises ``ArtifactDamaged`` and ``UnknownFormat``.
    """
    path = checkpoint_path(folder, "last")
    if not path.exists():
        return Position()
    arrays, facts = load_arrays(path)
    if facts.pop("format", None) != FORMAT:
        raise UnknownFormat(
            f"The checkpoint of run {folder.name} was written by another version of cifarviz."
        )
    try:
        position = Position(**facts)
    except TypeError as error:
        raise ArtifactDamaged(f"The checkpoint of run {folder.name} is damaged.") from error
    assign(model, arrays, optimizer)
    return position


def restore_best(folder: Path, model: keras.Model) -> None:
    """Give the network the weights that ``save_best`` kept.

    Raises ``ArtifactMissing`` and ``ArtifactDamaged``.
    """
    arrays, _facts = load_arrays(checkpoint_path(folder, "best"))
    assign(model, arrays)
