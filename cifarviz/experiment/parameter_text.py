"""Parameters as people type them: ``learning_rate=log:1e-4:1e-1``."""

from cifarviz.errors import ExperimentInvalid
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.parameters import Choices, Range, Setting, plain_setting
from cifarviz.experiment.tunables import find_tunable
from cifarviz.value_text import format_number


def parse_parameter(experiment: Experiment, text: str) -> Range | Choices:
    """Read ``learning_rate=log:1e-4:1e-1``, ``dropout=range:0:0.5``, ``batch_size=16,32,64``.

    Whole numbers are tried where the value is one. Raises ``ExperimentInvalid``.
    """
    key, equals, tried = text.partition("=")
    key, tried = key.strip(), tried.strip()
    tunable = find_tunable(experiment, key)
    kind, colon, rest = tried.partition(":")
    try:
        if not equals or not tried:
            raise ValueError
        if colon and kind in ("log", "range", "int"):
            parts = rest.split(":")
            low, high = (float(part) for part in parts[:2])
            points = {"points": int(parts[2])} if len(parts) == 3 else {}
            if len(parts) > 3:
                raise ValueError
            whole = tunable.whole or kind == "int"
            parameter: Range | Choices = Range.make(
                key=key, low=low, high=high, log=kind == "log", whole=whole, **points
            )
        else:
            values = rest if colon and kind == "choices" else tried
            parameter = tunable.choices_of(map(_read, values.split(",")))
    except ExperimentInvalid:
        raise
    except ValueError as error:
        raise ExperimentInvalid(
            "“{text}” does not say what to try. Write {key}=log:LOW:HIGH, {key}=range:LOW:HIGH or "
            "{key}=VALUE,VALUE,….",
            text=text[:80],
            key=key,
        ) from error
    tunable.check(parameter)
    return parameter


def format_parameter(parameter: Range | Choices) -> str:
    """Return the text that ``parse_parameter`` reads."""
    if isinstance(parameter, Choices):
        return f"{parameter.key}={','.join(map(plain_setting, parameter.values))}"
    kind = "log" if parameter.log else "range"
    ends = ":".join(format_number(end) for end in (parameter.low, parameter.high))
    usual = parameter.points == Range.model_fields["points"].default
    return f"{parameter.key}={kind}:{ends}" + ("" if usual else f":{parameter.points}")


def _read(text: str) -> Setting:
    """Read a choice: ``on`` and ``off``, a number, or a name."""
    text = text.strip()
    truths = {"on": True, "true": True, "off": False, "false": False}
    if text.lower() in truths:
        return truths[text.lower()]
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return text
