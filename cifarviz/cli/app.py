"""All commands under one name, and what their errors become."""

import io
import os
import sys

import typer
from typer.exceptions import TyperException

from cifarviz.cli import data, export, forking, inspection, reproduce, training
from cifarviz.cli.import_run import import_run
from cifarviz.cli.output import print_help, say
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
    # Rich would read names that are quoted in a help text, or an error, as its markup.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.add_typer(data.app, name="data")
app.command()(training.presets)
app.command()(training.train)
app.command()(forking.fork)
app.command()(training.runs)
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
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal that is not UTF-8 gets what it lacks as an escape, as standard error does.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code = app(arguments, standalone_mode=False)
    except CifarvizError as error:
        say(str(error))
        sys.exit(2 if isinstance(error, _WRONG_REQUESTS) else 1)
    except TyperException as error:
        # Typer has no public name for it.
        if type(error).__name__ == "NoArgsIsHelpError":
            print_help(error.format_message())
        else:
            say(in_words(error))
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(130)
    sys.exit(code if isinstance(code, int) else 0)
