"""Checkpoints: everything a run needs to go on as if it had never been cut off."""

from dataclasses import asdict, dataclass

import keras

from cifarviz.errors import ArtifactDamaged, ArtifactMissing, UnknownFormat
from cifarviz.experiment.variable_shapes import without_place
from cifarviz.network.variables import assign, to_arrays
from cifarviz.runs.artifacts import START_CHECKPOINT, Artifacts, checkpoint_name

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
    artifacts: Artifacts,
    model: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    position: Position,
) -> None:
    """Keep weights, optimizer variables, random generators and the position."""
    artifacts.save(
        checkpoint_name("last"),
        to_arrays(model, optimizer),
        {"format": FORMAT, **asdict(position)},
    )


def save_best(artifacts: Artifacts, model: keras.Model, epoch: int) -> None:
    """Keep the weights as they are after ``epoch``; the optimizer is not needed to predict."""
    artifacts.save(checkpoint_name("best"), to_arrays(model), {"format": FORMAT, "epoch": epoch})


def restore(
    artifacts: Artifacts,
    model: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    steps_per_epoch: int,
    *,
    fork: bool,
) -> Position:
    """Put a run back to where it stands; a ``fork`` that has yet to begin, to where it begins."""
    if fork and not artifacts.exists(checkpoint_name("last")):
        return restore_start(artifacts, model, optimizer, steps_per_epoch)
    return restore_last(artifacts, model, optimizer)


def restore_last(
    artifacts: Artifacts, model: keras.Model, optimizer: keras.optimizers.Optimizer
) -> Position:
    """Put back what ``save_last`` kept; the beginning when there is nothing yet.

    Raises ``ArtifactDamaged`` and ``UnknownFormat``.
    """
    if not artifacts.exists(checkpoint_name("last")):
        return Position()
    arrays, facts = artifacts.load(checkpoint_name("last"))
    if facts.pop("format", None) != FORMAT:
        raise UnknownFormat(
            "The last checkpoint of this run was written by another version of cifarviz. Resume "
            "it with that version, or train it again."
        )
    try:
        position = Position(**facts)
    except TypeError as error:
        raise ArtifactDamaged(
            "The last checkpoint of this run is damaged. Train it again, or delete it."
        ) from error
    assign(model, arrays, optimizer)
    return position


def restore_start(
    artifacts: Artifacts,
    model: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    steps_per_epoch: int,
) -> Position:
    """Begin a fork: its parent's weights, at the step where its own epochs go on.

    What was kept is turned into the fork's first last checkpoint, so that from here on it is a run
    like any other. Dropout that the parent had not begins with generators of its own. Raises
    ``ArtifactMissing`` and ``ArtifactDamaged``.
    """
    if not artifacts.exists(START_CHECKPOINT):
        raise ArtifactMissing(
            "The weights that this run starts from are missing: fork its parent again."
        )
    arrays, facts = artifacts.load(START_CHECKPOINT)
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
    save_last(artifacts, model, optimizer, position)
    artifacts.remove(START_CHECKPOINT)
    return position


def restore_best(artifacts: Artifacts, model: keras.Model) -> None:
    """Give the network the weights that ``save_best`` kept.

    Raises ``ArtifactMissing`` and ``ArtifactDamaged``.
    """
    arrays, _facts = artifacts.load(checkpoint_name("best"))
    assign(model, arrays)
