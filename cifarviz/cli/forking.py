"""The ``fork`` command: a new run that continues from another run's weights."""

from typing import Annotated, Literal

import typer

from cifarviz.cli.experiment_options import Augment
from cifarviz.cli.output import AsJson, print_message
from cifarviz.cli.training import print_result, watch
from cifarviz.errors import ExperimentInvalid
from cifarviz.executors.worker import Worker
from cifarviz.experiment.augmentation_text import parse_augmentation
from cifarviz.experiment.forking import ForkChanges, fork_experiment
from cifarviz.experiment.run_names import fork_name
from cifarviz.runs.curation import validate_name
from cifarviz.settings import Settings
from cifarviz.training.fork_start import carries_optimizer


def fork(
    run: Annotated[str, typer.Argument(help="The parent run: its id or the start of it.")],
    epoch: Annotated[int, typer.Option(help="Start from the weights saved after this epoch.")],
    epochs: Annotated[int, typer.Option(help="Additional epochs.")],
    learning_rate: Annotated[float | None, typer.Option(help="Default: as in RUN.")] = None,
    dropout: Annotated[
        float | None,
        typer.Option(
            help="Rate of all dropout layers; a network without dropout gets a layer before its "
            "last dense layer. Default: as in RUN."
        ),
    ] = None,
    augment: Augment = None,
    flip: Annotated[bool | None, typer.Option(help="Short for --augment flip=on or off.")] = None,
    shift: Annotated[int | None, typer.Option(help="Short for --augment shift=N.")] = None,
    train_images: Annotated[
        str | None, typer.Option(help="Number of training images, or “all”. Default: as in RUN.")
    ] = None,
    unfreeze: Annotated[
        bool, typer.Option("--unfreeze", help="Train all layers, also those frozen in RUN.")
    ] = False,
    name: Annotated[str | None, typer.Option(help="Default: describes the changes.")] = None,
    as_json: AsJson = False,
) -> int:
    """Start a new run from a run's weights after an epoch, with changed settings."""
    run_name = None if name is None else validate_name(name)
    worker = Worker(Settings.from_environment(), "command line")
    parent = worker.store.find(run)
    flips = [] if flip is None else ["alternating_flip=off", f"flip={'on' if flip else 'off'}"]
    shifts = [] if shift is None else [f"shift={shift}"]
    augment = [*(augment or []), *flips, *shifts]
    changes = ForkChanges(
        epochs,
        learning_rate,
        dropout,
        parse_augmentation(augment, parent.experiment.augmentation) if augment else None,
        _parse_train_images(train_images),
        unfreeze,
    )
    experiment = fork_experiment(parent.experiment, epoch, changes)
    default = fork_name(parent.name, parent.experiment, experiment, epoch)
    fork = worker.fork(parent.id, epoch, experiment, run_name or default)
    folder = worker.store.folder(parent.id)
    carried = carries_optimizer(parent, folder, experiment, epoch)
    print_message(f"Forked from {parent.name} ({parent.id}) after epoch {epoch}.")
    print_message("The optimiser keeps its state." if carried else "The optimiser starts fresh.")
    return print_result(worker, watch(worker, fork), as_json)


def _parse_train_images(text: str | None) -> int | Literal["all"] | None:
    if text is None or text == "all":
        return "all" if text else None
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise ExperimentInvalid(
            "--train-images must be a number or “all”, not “{text}”.", text=text[:40]
        )
    return int(text)
