"""How long a training step took in each precision, and what follows."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Precision = Literal["float32", "bfloat16"]
PRECISIONS: Mapping[str, Precision] = MappingProxyType(
    {"float32": "float32", "bfloat16": "bfloat16"}
)
"""Each by its name, the more exact first."""

# bfloat16 must win by this much: float32 is the more exact, and repeats the published runs. A
# smaller gain is worth little, and could be another program's doing, of which then one run would
# be in bfloat16 and the next in float32.
_MIN_GAIN = 1.2
SHORT_RUN = "float32, as the whole run takes only seconds in it."
"""Why, where nothing was timed because it was not worth it."""
NO_INSTRUCTIONS = "float32, as this processor has no instructions for bfloat16."
"""Why, where nothing was timed because the answer is known: bfloat16 is imitated there, several
times as slowly."""


@dataclass(frozen=True)
class Timing:
    """Seconds a training step took in each precision; ``None`` where it cannot be done in it."""

    float32: float
    bfloat16: float | None

    @property
    def best(self) -> Precision:
        if self.bfloat16 is None:
            return "float32"
        return "bfloat16" if self.float32 / self.bfloat16 >= _MIN_GAIN else "float32"

    @property
    def reason(self) -> str:
        """A sentence on the choice."""
        if self.bfloat16 is None:
            return "float32, as this processor cannot train this network in bfloat16."
        fast, exact = _format_milliseconds(self.bfloat16), _format_milliseconds(self.float32)
        times = f"a step took {fast} in bfloat16 and {exact} in float32"
        if self.best == "bfloat16":
            gain = self.float32 / self.bfloat16
            return f"bfloat16, as it is {gain:.1f} times as fast here: {times}."
        return f"float32, as bfloat16 is not clearly faster for this network here: {times}."


def _format_milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.3g} ms"
