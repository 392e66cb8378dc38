"""What becomes of a command's errors: one line on standard error, and an exit code."""

import io
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import typer
from typer.exceptions import TyperException

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
from cifarviz.installation import program_name

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


def run_and_exit(app: typer.Typer, arguments: Sequence[str] | None) -> NoReturn:
    """Run a command and exit: 0 done, 1 the job failed, 2 the request was wrong."""
    # TensorFlow greets on standard error each time it is imported.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal that is not UTF-8 gets what it lacks as an escape, as standard error does.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code = app(arguments, standalone_mode=False, prog_name=program_name())
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
