"""``fork``: a new run that goes on from another one's weights."""

from typing import Annotated, Literal

import typer

from cifarviz.cli.output import AsJson, say
from cifarviz.cli.training import print_result, watch
from cifarviz.errors import ExperimentInvalid
from cifarviz.executors.worker import Worker
from cifarviz.experiment.forking import ForkChanges, fork_experiment
from cifarviz.experiment.run_names import fork_name
from cifarviz.runs.curation import checked_name
from cifarviz.settings import Settings
from cifarviz.training.forking import carries_optimizer


def fork(
    run: Annotated[str, typer.Argument(help="The run to go on from: its id, or its beginning.")],
    epoch: Annotated[
        int, typer.Option(help="After which of its epochs, one whose weights it has.")
    ],
    epochs: Annotated[int, typer.Option(help="How many epochs more.")],
    learning_rate: Annotated[float | None, typer.Option(help="Default: as in RUN.")] = None,
    dropout: Annotated[
        float | None,
        typer.Option(
            help="The rate of every dropout layer; a network without one gets one before its last "
            "dense layer. Default: as in RUN."
        ),
    ] = None,
    flip: Annotated[bool | None, typer.Option(help="Mirror a random half of the images.")] = None,
    shift: Annotated[
        int | None, typer.Option(help="Shift the images by up to so many pixels.")
    ] = None,
    train_images: Annotated[
        str | None, typer.Option(help="Train on so many images, or “all”. Default: as in RUN.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Default: says what was changed.")] = None,
    as_json: AsJson = False,
) -> int:
    """Go on from a run's weights after an epoch with something changed, as a run of its own."""
    given = None if name is None else checked_name(name)
    worker = Worker(Settings.from_environment(), "command line")
    parent = worker.store.find(run)
    changed = ForkChanges(epochs, learning_rate, dropout, flip, shift, _images(train_images))
    experiment = fork_experiment(parent.experiment, epoch, changed)
    default = fork_name(parent.name, parent.experiment, experiment, epoch)
    made = worker.fork(parent.id, epoch, experiment, given or default)
    folder = worker.store.folder(parent.id)
    carried = carries_optimizer(parent, folder, experiment, epoch)
    state = "its state is carried over" if carried else "it begins anew"
    say(f"Forked from {parent.name} ({parent.id}) after epoch {epoch}; of the optimiser, {state}.")
    return print_result(worker, watch(worker, made), as_json)


def _images(text: str | None) -> int | Literal["all"] | None:
    if text is None or text == "all":
        return "all" if text else None
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise ExperimentInvalid(
            "--train-images is a number of images or “all”, not “{text}”.", text=text[:40]
        )
    return int(text)
