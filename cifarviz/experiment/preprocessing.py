"""Preprocessing of raw pixels: a scale and an offset per channel."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from types import MappingProxyType
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from cifarviz.errors import ExperimentInvalid
from cifarviz.value import Value


class Divide(Value):
    """Every pixel divided by the same number."""

    title: ClassVar[str] = "Divide"
    short_title: ClassVar[str] = "divided"
    explanation: ClassVar[str] = (
        "Divides every pixel by the same number; 255 scales the range 0 to 255 to 0 to 1."
    )

    kind: Literal["divide"] = "divide"
    divisor: float = Field(
        default=255.0,
        gt=0,
        le=1e6,
        title="divisor",
        description="The number that every pixel is divided by; 255 gives values from 0 to 1.",
    )


class Standardize(Value):
    """Every channel scaled to mean 0 and standard deviation 1 over the training images."""

    title: ClassVar[str] = "Standardise each channel"
    short_title: ClassVar[str] = "standardised"
    explanation: ClassVar[str] = (
        "Shifts and scales each channel (red, green and blue, or grey) so that it has mean 0 and "
        "standard deviation 1 over the training images."
    )

    kind: Literal["standardize"] = "standardize"


Preprocessing = Annotated[Divide | Standardize, Field(discriminator="kind")]

PREPROCESSINGS: Mapping[str, type[Divide | Standardize]] = MappingProxyType(
    {"divide": Divide, "standardize": Standardize}
)
"""Every preprocessing class by its ``kind``, in the order a menu shows them."""


@dataclass(frozen=True)
class Scaling:
    """``pixel * scale + offset``, with a scale and an offset per channel."""

    scale: tuple[float, ...]
    offset: tuple[float, ...]

    def ranges(self, low: float = 0.0, high: float = 255.0) -> tuple[tuple[float, float], ...]:
        """Return the scaled pixel range ``low`` to ``high`` as (lowest, highest) per channel."""
        return tuple(
            (low * scale + offset, high * scale + offset)
            for scale, offset in zip(self.scale, self.offset, strict=True)
        )


def scaling(
    preprocessing: Divide | Standardize,
    mean: Sequence[float],
    std: Sequence[float],
    channels: int,
) -> Scaling:
    """Compute the scaling of images with ``channels`` channels.

    ``mean`` and ``std`` are those of the training images per channel, over pixels 0 to 255. A
    channel with deviation 0 is centred and not scaled. Raises ``ExperimentInvalid`` unless there
    is a finite mean and deviation per channel.
    """
    if isinstance(preprocessing, Divide):
        return Scaling((1.0 / preprocessing.divisor,) * channels, (0.0,) * channels)
    means, stds = [float(m) for m in mean], [float(s) for s in std]
    if len(means) != channels or len(stds) != channels:
        raise ExperimentInvalid(
            "Standardising needs a mean and a standard deviation for each of {channels} channels, "
            "and got {means} means and {deviations} deviations. Use division instead.",
            channels=channels,
            means=len(means),
            deviations=len(stds),
        )
    if not all(map(isfinite, means + stds)) or min(stds) < 0:
        raise ExperimentInvalid(
            "Standardising needs means and standard deviations that are finite numbers, and these "
            "images have others. Use division instead."
        )
    scales = tuple(1.0 / s if s > 0 else 1.0 for s in stds)
    return Scaling(scales, tuple(-m * s for m, s in zip(means, scales, strict=True)))
