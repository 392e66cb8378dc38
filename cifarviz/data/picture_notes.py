"""Changes of a picture before a network takes it, with a sentence for each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class PictureChange(StrEnum):
    """A change of a picture; the value is the template of its sentence."""

    FIRST_FRAME = "First frame of an animation."
    EXIF_DAMAGED = "Its EXIF data is damaged, so it may be rotated."
    TURNED = "Rotated upright as given in its EXIF data."
    GREY_16_BIT = "16-bit grey values scaled to 8 bits."
    COLOR_16_BIT = "16-bit values scaled to 8 bits."
    CMYK = "Print colours (CMYK) converted to RGB."
    BLACK_AND_WHITE = "Black and white image."
    PALETTE = "Palette colours converted to RGB."
    TRANSPARENT = "Transparent parts filled with white."
    CROPPED_TO_SQUARE = "Cropped to the central square."
    CROPPED = "Cropped around its centre to the proportions {width} to {height}."
    CROPPED_BY_CHOICE = "Cropped to the part you chose."
    STRETCHED_TO_SQUARE = "Stretched to a square."
    STRETCHED = "Stretched to the proportions {width} to {height}."
    PADDED_TO_SQUARE = "Padded to a square with its mean colour."
    PADDED = "Padded with its mean colour to the proportions {width} to {height}."
    RESIZED = "Scaled from {from_width:,} × {from_height:,} to {width:,} × {height:,} pixels."
    GREY = "Converted to grey."
    INVERTED = "Light and dark swapped, because the training images are light on black."
    INVERTED_BY_CHOICE = "Light and dark swapped, as you chose."


@dataclass(frozen=True)
class PictureNote:
    """A change made to a picture; ``values`` fill its sentence."""

    change: PictureChange
    values: Mapping[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        """The sentence."""
        return self.change.value.format(**self.values)

    def to_dict(self) -> dict[str, Any]:
        """The change, its values and the sentence, for JSON."""
        return {"change": self.change.name.lower(), **self.values, "sentence": str(self)}
