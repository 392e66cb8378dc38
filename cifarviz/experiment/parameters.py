"""What a study tries for a parameter: a range or a few choices of a value of an experiment.

A parameter is named by its key (``tunables.py``): ``learning_rate``, ``optimizer`` (its kind),
``layers.3.filters`` (layers are counted from 1), or one of the whole network: ``width``, ``depth``,
``dropout``, …
"""

from typing import Annotated, ClassVar, Literal, Self, get_args

from pydantic import Field, model_validator

from cifarviz.layers.choices import ActivationName, InitializerName
from cifarviz.value import Value
from cifarviz.value_text import format_number, format_value

Setting = bool | int | float | str
"""A value of a parameter."""


class Range(Value):
    """All numbers from ``low`` to ``high``, evenly or, with ``log``, evenly in their logarithm."""

    title: ClassVar[str] = "Range"

    kind: Literal["range"] = "range"
    key: str = Field(min_length=1, max_length=100)
    low: float = Field(title="lowest value", description="The lowest value that is tried.")
    high: float = Field(title="highest value", description="The highest value that is tried.")
    log: bool = Field(
        default=False,
        title="logarithmic",
        description="Tries as many values between 0.001 and 0.01 as between 0.01 and 0.1: for "
        "values whose size is unknown, as of a learning rate.",
    )
    whole: bool = False
    """Whether only whole numbers are tried."""
    points: int = Field(
        default=5,
        ge=2,
        le=100,
        title="values in a grid",
        description="How many values of the range a grid has, both ends included.",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.low >= self.high:
            raise ValueError(
                f"A range cannot go from {self.low:g} to {self.high:g}: make its highest value "
                "larger than its lowest."
            )
        if self.log and self.low <= 0:
            raise ValueError(
                f"A logarithmic range cannot begin at {self.low:g}: choose a lowest value above 0, "
                "or no logarithm."
            )
        if self.whole and not (self.low.is_integer() and self.high.is_integer()):
            raise ValueError("A range of whole numbers begins and ends with whole numbers.")
        return self

    def contains(self, value: Setting) -> bool:
        """Whether the value may be tried."""
        return not isinstance(value, bool | str) and self.low <= value <= self.high

    def grid(self) -> tuple[Setting, ...]:
        """Return its values in a grid, from the lowest to the highest."""
        shares = [point / (self.points - 1) for point in range(self.points)]
        values = [
            self.low * (self.high / self.low) ** share
            if self.log
            else self.low + share * (self.high - self.low)
            for share in shares
        ]
        if self.whole:
            return tuple(dict.fromkeys(round(value) for value in values))
        return tuple(float(f"{value:.6g}") for value in values)


class Choices(Value):
    """A few values, in no order that matters to the search."""

    title: ClassVar[str] = "Choices"

    kind: Literal["choices"] = "choices"
    key: str = Field(min_length=1, max_length=100)
    values: tuple[Setting, ...] = Field(
        max_length=50, title="values", description="The values that are tried."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(self.values) < 2:
            raise ValueError("Name at least two choices: one alone is no choice.")
        if len({(type(value), value) for value in self.values}) < len(self.values):
            raise ValueError("The choices name a value twice: name each once.")
        return self

    def contains(self, value: Setting) -> bool:
        """Whether the value may be tried."""
        return any(value == one and type(value) is type(one) for one in self.values)

    def grid(self) -> tuple[Setting, ...]:
        """Return its values."""
        return self.values


ParameterSpec = Annotated[Range | Choices, Field(discriminator="kind")]
"""What a study tries for one parameter."""


def format_setting(value: Setting) -> str:
    """Return a value as people read it, a number with at most four digits."""
    if isinstance(value, float):
        return f"{value:.4g}"
    return value if isinstance(value, str) and value not in _LITERALS else format_value(value)


_LITERALS = frozenset({*get_args(ActivationName), *get_args(InitializerName)})


def plain_setting(value: Setting) -> str:
    """Return a value as it is typed: ``on``, ``0.001``, ``adam``."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return value if isinstance(value, str) else format_number(value)
