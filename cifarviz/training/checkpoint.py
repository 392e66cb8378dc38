"""Checkpoints: everything a run needs to continue as if it had never been interrupted."""

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
    """The position of a run in its training; sums are over the images of the unfinished epoch.

    ``seconds`` is the training time of that epoch. Work that is lost with a killed process, and so
    done again, counts once.
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
    """Save weights, optimizer variables, random generators and the position."""
    artifacts.save(
        checkpoint_name("last"),
        to_arrays(model, optimizer),
        {"format": FORMAT, **asdict(position)},
    )


def save_best(artifacts: Artifacts, model: keras.Model, epoch: int) -> None:
    """Save the weights after ``epoch``, without the optimizer, which predictions do not need."""
    artifacts.save(checkpoint_name("best"), to_arrays(model), {"format": FORMAT, "epoch": epoch})


def restore(
    artifacts: Artifacts,
    model: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    steps_per_epoch: int,
    *,
    from_start: bool,
) -> Position:
    """Restore a run's position, or the start of one that has not begun.

    ``from_start``: it starts from the weights of another run.
    """
    if from_start and not artifacts.exists(checkpoint_name("last")):
        return restore_start(artifacts, model, optimizer, steps_per_epoch)
    return restore_last(artifacts, model, optimizer)


def restore_last(
    artifacts: Artifacts, model: keras.Model, optimizer: keras.optimizers.Optimizer
) -> Position:
    """Restore what ``save_last`` saved; returns the beginning if there is nothing yet.

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
    """Start from another run's weights: a fork at the step after its parent's epochs.

    The start checkpoint becomes the run's last checkpoint, so that from here on it is a run like
    any other. Dropout layers that the parent lacks keep their own new random generators, and
    layers whose weights were not taken their own initial weights. Raises ``ArtifactMissing`` and
    ``ArtifactDamaged``.
    """
    if not artifacts.exists(START_CHECKPOINT):
        raise ArtifactMissing(
            "The weights that this run starts from are missing. Start it again from the run that "
            "they come from."
        )
    arrays, facts = artifacts.load(START_CHECKPOINT)
    used_optimizer = optimizer if facts.get("optimizer") else None
    own = to_arrays(model, used_optimizer)
    if facts.get("partial"):
        arrays = own | arrays
    own_names = {without_place(name): name for name in own}
    generators = {name: value for name, value in own.items() if _GENERATOR in name}
    stored = {without_place(name): value for name, value in arrays.items()}
    renamed = {own_names.get(name, name): value for name, value in stored.items()}
    fitted = {
        name: value
        for name, value in {**generators, **renamed}.items()
        if _GENERATOR not in name or name in own
    }
    assign(model, fitted, used_optimizer)
    epoch = int(facts["epoch"])
    position = Position(step=epoch * steps_per_epoch, epochs_done=epoch)
    save_last(artifacts, model, optimizer, position)
    artifacts.remove(START_CHECKPOINT)
    return position


def restore_best(artifacts: Artifacts, model: keras.Model) -> None:
    """Restore the weights that ``save_best`` saved.

    Raises ``ArtifactMissing`` and ``ArtifactDamaged``.
    """
    arrays, _facts = artifacts.load(checkpoint_name("best"))
    assign(model, arrays)
