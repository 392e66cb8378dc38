"""What is wrong with the words of a command, in the manner of all other errors here."""

import re
from typing import Any

from pydantic import ValidationError
from typer.exceptions import TyperException

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
