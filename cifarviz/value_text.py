"""Format the values of fields for people: choices, numbers, lists."""

from collections.abc import Mapping
from types import MappingProxyType

_CHOICES: Mapping[str, str] = MappingProxyType(
    {
        "linear": "None (linear)",
        "relu": "ReLU",
        "leaky_relu": "Leaky ReLU",
        "elu": "ELU",
        "gelu": "GELU",
        "silu": "SiLU",
        "tanh": "Tanh",
        "sigmoid": "Sigmoid",
        "softmax": "Softmax",
        "glorot_uniform": "Glorot uniform",
        "glorot_normal": "Glorot normal",
        "he_uniform": "He uniform",
        "he_normal": "He normal",
        "identity": "Identity",
        "zeros": "Zeros",
        "same": "Same",
        "valid": "Valid",
        "sample": "Embedded sample",
        "full": "Full set",
        "integer": "Integer",
        "one_hot": "One-hot",
        "none": "None",
        "class_weights": "Class weights",
        "resampling": "Resampling",
        "loss": "Loss",
        "accuracy": "Accuracy",
        "best": "Best epoch",
        "last": "Last epoch",
        "auto": "Auto (the faster one here)",
        "float32": "float32",
        "bfloat16": "bfloat16",
    }
)


def format_choice(choice: str) -> str:
    """Format a choice for a menu: ``"ReLU"`` for ``relu``; an unknown choice stays as it is."""
    return _CHOICES.get(choice, choice)


def format_value(value: object) -> str:
    """Format any value of a field: ``on``, ``50,000``, ``ReLU``, ``15, 30``, ``nothing``."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, int):
        return f"{value:,}" if abs(value) < 10**20 else "a very long number"
    if isinstance(value, float):
        return format_number(value)
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, str):
        return _CHOICES[value].partition(" (")[0] if value in _CHOICES else f"“{value}”"
    return str(value)


def format_number(value: float) -> str:
    """Format a number as it is typed: ``255`` for 255.0, ``0.0001``, ``1e-05``."""
    return repr(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(value)
