"""Exit codes and messages of usage errors."""

import io
import os
import re
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import typer
from pydantic import ValidationError
from typer.exceptions import TyperException

from cifarviz.cli.output import print_help, print_message
from cifarviz.cli.signals import INTERRUPTED, exit_in_time, sigterm_as_interrupt
from cifarviz.errors import (
    ArchiveDamaged,
    ArtifactMissing,
    CifarvizError,
    ExperimentInvalid,
    ImageUnreadable,
    ImportRefused,
    OutputPathInvalid,
    RunNotFound,
    TransitionRefused,
)
from cifarviz.installation import program_name

# Typer's messages, and what is printed instead.
_MESSAGES = (
    (r"No such command '(.*)'\.", "There is no command “{0}”."),
    (r"No such option: (\S+).*", "There is no option {0}."),
    (r"Option '(.*)' requires an argument\.", "{0} needs a value."),
    (r"Option '(.*)' does not take a value\.", "{0} takes no value."),
    (r"Missing option '(.*)'\.", "{0} is missing."),
    (r"Got unexpected extra arguments?(?:\(s\))? \((.*)\)", "Unexpected argument: “{0}”."),
    (r"Invalid value: (.*)", "{0}"),
)

# Errors of the request (exit code 2); any other is a failed job (exit code 1).
_REQUEST_ERRORS = (
    ArchiveDamaged,
    ArtifactMissing,
    ExperimentInvalid,
    ImageUnreadable,
    ImportRefused,
    OutputPathInvalid,
    RunNotFound,
    TransitionRefused,
)


def run_and_exit(app: typer.Typer, arguments: Sequence[str] | None) -> NoReturn:
    """Run a command and exit: 0 done, 1 the job failed, 2 the request was wrong."""
    # Without this, TensorFlow logs to standard error when it is imported.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Characters that the terminal's encoding lacks become escapes, as on standard error.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        with sigterm_as_interrupt():
            code = app(arguments, standalone_mode=False, prog_name=program_name())
    except CifarvizError as error:
        print_message(str(error))
        sys.exit(2 if isinstance(error, _REQUEST_ERRORS) else 1)
    except TyperException as error:
        # Typer has no public name for this class.
        if type(error).__name__ == "NoArgsIsHelpError":
            print_help(error.format_message())
        else:
            print_message(format_usage_error(error))
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        exit_in_time()
        sys.exit(INTERRUPTED)
    sys.exit(code if isinstance(code, int) else 0)


def format_usage_error(error: TyperException) -> str:
    """Return one line: what is wrong with the request, and where the help is."""
    cause = error.__cause__
    if isinstance(cause, ValidationError):
        problem: Any = cause.errors()[0]
        expected = _expected_value(problem)
        message = f"{_parameter_name(error)} must be {expected}, not “{problem['input']}”."
    else:
        message = _format_message(" ".join(error.format_message().split()))
    return f"{message} See {program_name()} --help"


def _format_message(message: str) -> str:
    missing = re.fullmatch(r"Missing argument '(\w+).*?'\.(?: Choose from: (.*))?", message)
    if missing:
        name, choices = missing[1].upper(), missing[2]
        if choices:
            return f"{name} is missing: give {_join_choices(choices.split(', '))}."
        return f"{name} is missing."
    for pattern, template in _MESSAGES:
        if match := re.fullmatch(pattern, message):
            return template.format(*match.groups())
    return message if message.endswith((".", "!", "?")) else f"{message}."


def _parameter_name(error: TyperException) -> str:
    """Return ``--seeds`` for an option, ``DATASET`` for an argument."""
    parameter: Any = getattr(error, "param", None)
    options = [name for name in getattr(parameter, "opts", ()) if name.startswith("-")]
    return max(options, key=len) if options else str(getattr(parameter, "name", "value")).upper()


def _expected_value(problem: Any) -> str:
    limits = problem.get("ctx", {})
    match problem["type"]:
        case "greater_than_equal":
            return f"a number of at least {limits['ge']:,}"
        case "less_than_equal":
            return f"a number of at most {limits['le']:,}"
        case "int_parsing" | "int_type" | "int_from_float" | "int_parsing_size":
            return "a whole number"
        case "float_parsing" | "float_type":
            return "a number"
    _, _, choices = str(limits.get("error", "")).partition(" is not one of ")
    names = re.findall(r"'([^']*)'", choices)
    return _join_choices(names) if names else "another value"


def _join_choices(choices: list[str]) -> str:
    *most, last = choices
    return f"{', '.join(most)} or {last}" if most else last
