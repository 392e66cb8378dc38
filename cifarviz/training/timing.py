"""How long a training step took in each precision, and which to use."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Precision = Literal["float32", "bfloat16"]
PRECISIONS: Mapping[str, Precision] = MappingProxyType(
    {"float32": "float32", "bfloat16": "bfloat16"}
)
"""Each precision by its name, the more exact first."""

# bfloat16 must be faster by this factor: float32 is more exact, and repeats the published runs. A
# smaller gain could be due to another program, so that runs would differ in precision by chance.
_MIN_GAIN = 1.2
SHORT_RUN = "float32, as the run takes only seconds in it."
"""The reason where nothing was timed because it was not worth the time."""
NO_INSTRUCTIONS = "float32, as this processor has no instructions for bfloat16."
"""The reason where nothing was timed because bfloat16 is emulated, several times slower."""


@dataclass(frozen=True)
class Timing:
    """Seconds per training step in each precision; ``None`` if the processor cannot do it."""

    float32: float
    bfloat16: float | None

    @property
    def best(self) -> Precision:
        if self.bfloat16 is None:
            return "float32"
        return "bfloat16" if self.float32 / self.bfloat16 >= _MIN_GAIN else "float32"

    @property
    def reason(self) -> str:
        """A sentence on why ``best`` was chosen."""
        if self.bfloat16 is None:
            return "float32, as this processor cannot train this network in bfloat16."
        fast, exact = _format_time(self.bfloat16), _format_time(self.float32)
        times = f"a step took {fast} in bfloat16 and {exact} in float32"
        if self.best == "bfloat16":
            gain = self.float32 / self.bfloat16
            return f"bfloat16, as it is {gain:.1f} times as fast here: {times}."
        return (
            f"float32, as bfloat16 is not at least {_MIN_GAIN} times as fast for this network "
            f"here: {times}."
        )


def _format_time(seconds: float) -> str:
    return f"{seconds:.3g} s" if seconds >= 1 else f"{seconds * 1000:.3g} ms"
