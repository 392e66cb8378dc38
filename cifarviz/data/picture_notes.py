"""What can be done to a picture before a network takes it, and the sentence that says so."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class PictureChange(StrEnum):
    """Everything that may be done to a picture; the value is the template of its sentence."""

    FIRST_FRAME = "It is an animation; its first frame is used."
    EXIF_DAMAGED = "Its EXIF data is damaged, so it may lie on its side."
    TURNED = "It was turned upright, as its EXIF data says."
    GREY_16_BIT = "Its 16-bit grey values were scaled to 8 bits."
    COLOR_16_BIT = "Its 16-bit values were scaled to 8 bits."
    CMYK = "Its print colours (CMYK) were converted to RGB."
    BLACK_AND_WHITE = "It is black and white."
    PALETTE = "Its palette colours were converted to RGB."
    TRANSPARENT = "Its transparent parts were filled with white."
    CROPPED_TO_SQUARE = "Cropped to the central square."
    CROPPED = "Cropped around its centre to the proportions {width} to {height}."
    STRETCHED_TO_SQUARE = "It was distorted to a square."
    STRETCHED = "It was distorted to the proportions {width} to {height}."
    PADDED_TO_SQUARE = "It was made square with borders of its mean colour."
    PADDED = "It was given borders of its mean colour, to the proportions {width} to {height}."
    RESIZED = "Scaled from {from_width:,} × {from_height:,} to {width:,} × {height:,} pixels."
    GREY = "Its colours became shades of grey."
    INVERTED = "Light and dark were swapped: this network knows things as light on black."
    INVERTED_BY_CHOICE = "Light and dark were swapped, as you chose."


@dataclass(frozen=True)
class PictureNote:
    """One thing that was done to a picture; ``values`` are what its sentence names."""

    change: PictureChange
    values: Mapping[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return the sentence."""
        return self.change.value.format(**self.values)

    def to_dict(self) -> dict[str, Any]:
        """Return what a program reads: what was done, the values, and the sentence."""
        return {"change": self.change.name.lower(), **self.values, "sentence": str(self)}
