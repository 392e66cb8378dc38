"""All commands under one name, and what their errors become."""

import os
import sys

import typer
from typer.exceptions import TyperException

from cifarviz.cli import data, export, forking, inspection, reproduce, runs, training
from cifarviz.cli.import_run import import_run
from cifarviz.cli.output import say
from cifarviz.cli.wrong_words import in_words
from cifarviz.errors import (
    ArchiveDamaged,
    ArtifactMissing,
    CifarvizError,
    ExperimentInvalid,
    ImageUnreadable,
    PlaceRefused,
    RunNotFound,
    TransitionRefused,
)

# What the person asked for cannot be; anything else is a job that failed.
_WRONG_REQUESTS = (
    ArchiveDamaged,
    ArtifactMissing,
    ExperimentInvalid,
    ImageUnreadable,
    PlaceRefused,
    RunNotFound,
    TransitionRefused,
)

app = typer.Typer(
    name="python -m cifarviz",
    help="Train and inspect convolutional networks on CIFAR-10 and Fashion-MNIST, without a "
    "browser.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(data.app, name="data")
app.command()(training.presets)
app.command()(training.train)
app.command()(forking.fork)
app.add_typer(runs.app, name="runs")
app.command()(training.resume)
app.command()(reproduce.reproduce)
app.command()(inspection.evaluate)
app.command()(inspection.predict)
app.command("feature-maps")(inspection.feature_maps)
app.command("import")(import_run)
app.command("export")(export.export)


def main(arguments: list[str] | None = None) -> None:
    """Run a command and exit: 0 done, 1 the job failed, 2 the request was wrong."""
    # TensorFlow greets on standard error each time it is imported.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        code = app(arguments, standalone_mode=False)
    except CifarvizError as error:
        say(str(error))
        sys.exit(2 if isinstance(error, _WRONG_REQUESTS) else 1)
    except TyperException as error:
        say(in_words(error))
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(130)
    sys.exit(code if isinstance(code, int) else 0)
