"""Exit codes, and usage errors in plain sentences."""

import io
import os
import re
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import typer
from pydantic import ValidationError
from typer.exceptions import TyperException

from cifarviz.cli.output import print_help, say
from cifarviz.errors import (
    ArchiveDamaged,
    ArtifactMissing,
    CifarvizError,
    ExperimentInvalid,
    ImageUnreadable,
    OutputPathInvalid,
    RunNotFound,
    TransitionRefused,
)
from cifarviz.installation import program_name

# The library's sentences, and ours in their place.
_SENTENCES = (
    (r"No such command '(.*)'\.", "There is no command “{0}”."),
    (r"No such option: (\S+).*", "There is no option {0}."),
    (r"Option '(.*)' requires an argument\.", "{0} needs a value after it."),
    (r"Option '(.*)' does not take a value\.", "{0} takes no value."),
    (r"Missing option '(.*)'\.", "{0} is missing."),
    (r"Got unexpected extra arguments?(?:\(s\))? \((.*)\)", "There is a word too many: “{0}”."),
    (r"Invalid value: (.*)", "{0}"),
)

# What the person asked for cannot be; anything else is a job that failed.
_WRONG_REQUESTS = (
    ArchiveDamaged,
    ArtifactMissing,
    ExperimentInvalid,
    ImageUnreadable,
    OutputPathInvalid,
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


def in_words(error: TyperException) -> str:
    """One line on what was wrong with the request, and where to read more."""
    cause = error.__cause__
    more = f"More: {program_name()} --help"
    if isinstance(cause, ValidationError):
        return f"{_name(error)} is {_refused(cause.errors()[0])} came. {more}"
    return f"{_sentence(' '.join(error.format_message().split()))} {more}"


def _sentence(said: str) -> str:
    missing = re.fullmatch(r"Missing argument '(\w+).*?'\.(?: Choose from: (.*))?", said)
    if missing:
        choices = missing[2]
        rule = f": it is {_either(choices.split(', '))}" if choices else ""
        return f"{missing[1].upper()} is missing{rule}."
    for pattern, words in _SENTENCES:
        if found := re.fullmatch(pattern, said):
            return words.format(*found.groups())
    return said if said.endswith((".", "!", "?")) else f"{said}."


def _name(error: TyperException) -> str:
    """``--seeds`` for an option, ``DATASET`` for an argument."""
    parameter: Any = getattr(error, "param", None)
    options = [one for one in getattr(parameter, "opts", ()) if one.startswith("-")]
    return max(options, key=len) if options else str(getattr(parameter, "name", "value")).upper()


def _refused(problem: Any) -> str:
    came = f"and “{problem['input']}”"
    limits = problem.get("ctx", {})
    match problem["type"]:
        case "greater_than_equal":
            return f"a number of at least {limits['ge']:,}, {came}"
        case "less_than_equal":
            return f"a number of at most {limits['le']:,}, {came}"
        case "int_parsing" | "int_type" | "int_from_float" | "int_parsing_size":
            return f"a whole number, {came}"
        case "float_parsing" | "float_type":
            return f"a number, {came}"
    _, _, choices = str(limits.get("error", "")).partition(" is not one of ")
    if choices:
        names = re.findall(r"'([^']*)'", choices)
        return f"{_either(names)}, {came}"
    return f"something else, {came}"


def _either(choices: list[str]) -> str:
    *most, last = choices
    return f"{', '.join(most)} or {last}" if most else last
