"""Checkpoints: everything a run needs to go on as if it had never been cut off."""

from dataclasses import asdict, dataclass
from pathlib import Path

import keras

from cifarviz.errors import ArtifactDamaged, ArtifactMissing, UnknownFormat
from cifarviz.experiment.variable_shapes import without_place
from cifarviz.network.variables import assign, to_arrays
from cifarviz.runs.artifacts import checkpoint_path, load_arrays, save_arrays, start_path

FORMAT = 1

# In the names of the states of dropout's random generators.
_GENERATOR = "seed_generator"


@dataclass
class Position:
    """Where a run stands. Sums are over the images of the epoch that is not finished yet.

    ``seconds`` is the time at work on that epoch. Of work that is lost with a killed process, and
    so done again, only the second time counts there.
    """

    step: int = 0
    epochs_done: int = 0
    images: int = 0
    loss_sum: float = 0.0
    hits: float = 0.0
    seconds: float = 0.0


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


def restore(
    folder: Path,
    model: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    steps_per_epoch: int,
    *,
    fork: bool,
) -> Position:
    """Put a run back to where it stands; a ``fork`` that has yet to begin, to where it begins."""
    if fork and not checkpoint_path(folder, "last").exists():
        return restore_start(folder, model, optimizer, steps_per_epoch)
    return restore_last(folder, model, optimizer)


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


def restore_start(
    folder: Path,
    model: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    steps_per_epoch: int,
) -> Position:
    """Begin a fork: its parent's weights, at the step where its own epochs go on.

    What was kept is turned into the fork's first last checkpoint, so that from here on it is a run
    like any other. Dropout that the parent had not begins with generators of its own. Raises
    ``ArtifactMissing`` and ``ArtifactDamaged``.
    """
    if not start_path(folder).exists():
        raise ArtifactMissing(
            f"The weights that run {folder.name} was to begin with are not there any more: fork "
            "its parent again."
        )
    arrays, facts = load_arrays(start_path(folder))
    carried = bool(facts.get("optimizer"))
    wanted = to_arrays(model, optimizer if carried else None)
    given = {without_place(name): value for name, value in arrays.items()}
    placed = {without_place(name): name for name in wanted}
    fitted = {placed.get(name, name): value for name, value in given.items()}
    generators = {name: one for name, one in wanted.items() if _GENERATOR in name}
    fitted = {
        name: value
        for name, value in {**generators, **fitted}.items()
        if _GENERATOR not in name or name in wanted
    }
    assign(model, fitted, optimizer if carried else None)
    epoch = int(facts["epoch"])
    position = Position(step=epoch * steps_per_epoch, epochs_done=epoch)
    save_last(folder, model, optimizer, position)
    start_path(folder).unlink()
    return position


def restore_best(folder: Path, model: keras.Model) -> None:
    """Give the network the weights that ``save_best`` kept.

    Raises ``ArtifactMissing`` and ``ArtifactDamaged``.
    """
    arrays, _facts = load_arrays(checkpoint_path(folder, "best"))
    assign(model, arrays)
