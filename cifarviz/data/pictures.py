"""Preparing a user's picture as input of a network, for pages, command line and API."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from cifarviz.data.image_pixels import UploadedImage
from cifarviz.data.picture_notes import PictureChange, PictureNote
from cifarviz.errors import ExperimentInvalid

FitMode = Literal["crop", "stretch", "pad"]

_FITTED: dict[FitMode, tuple[PictureChange, PictureChange]] = {
    "crop": (PictureChange.CROPPED_TO_SQUARE, PictureChange.CROPPED),
    "stretch": (PictureChange.STRETCHED_TO_SQUARE, PictureChange.STRETCHED),
    "pad": (PictureChange.PADDED_TO_SQUARE, PictureChange.PADDED),
}


MIN_CROP: Final = 0.1
"""The smallest ``share`` of a crop that people can choose."""


@dataclass(frozen=True)
class Crop:
    """A part of a picture, in the proportions of a network's input.

    ``x`` and ``y``, 0 to 1, are its centre, in widths and heights of the picture; ``share``, up to
    1, is its side, in sides of the largest such part. The default is the largest in the middle.
    """

    x: float = 0.5
    y: float = 0.5
    share: float = 1.0

    def box(
        self, size: tuple[int, int], proportions: tuple[int, int]
    ) -> tuple[float, float, float, float]:
        """Left, top, right and bottom in a picture of this size (width, height), in pixels.

        ``proportions`` are a width and a height. A part that sticks out is moved inside.
        """
        width, height = size
        scale = self.share * min(width / proportions[0], height / proportions[1])
        across, down = proportions[0] * scale, proportions[1] * scale
        left = min(max(self.x * width - across / 2, 0.0), width - across)
        top = min(max(self.y * height - down / 2, 0.0), height - down)
        return left, top, left + across, top + down


@dataclass(frozen=True, eq=False)
class PreparedPicture:
    """A picture as the input of a network.

    ``pixels`` uint8 (height, width, channels); ``notes``: all changes from the file to the pixels,
    in order; ``inverted``: light and dark were exchanged.
    """

    pixels: NDArray[np.uint8]
    notes: tuple[PictureNote, ...]
    inverted: bool


@dataclass(frozen=True, eq=False)
class FittedPicture:
    """A picture in the input shape of a network, before it may be inverted.

    ``light``: the picture is light at its edges. ``dark_background``: the network's data set shows
    light objects on black. The other fields are those of ``PreparedPicture``.
    """

    pixels: NDArray[np.uint8]
    notes: tuple[PictureNote, ...]
    light: bool
    dark_background: bool

    def prepare(self, invert: bool | None = None) -> PreparedPicture:
        """Invert light and dark if ``invert``.

        ``None`` inverts if the data set has a dark background and the picture a light one.
        """
        if not (self.dark_background and self.light if invert is None else invert):
            return PreparedPicture(self.pixels, self.notes, inverted=False)
        change = (
            PictureChange.INVERTED if self.dark_background else PictureChange.INVERTED_BY_CHOICE
        )
        notes = (*self.notes, PictureNote(change))
        return PreparedPicture(255 - self.pixels, notes, inverted=True)


def prepare_picture(
    image: UploadedImage,
    image_shape: tuple[int, int, int],
    *,
    dark_background: bool,
    mode: FitMode = "crop",
    invert: bool | None = None,
) -> PreparedPicture:
    """Prepare a decoded picture for a network of this input (height, width, channels).

    It is fitted by ``fit_picture``, then inverted by ``FittedPicture.prepare``.
    """
    return fit_picture(image, image_shape, dark_background=dark_background, mode=mode).prepare(
        invert
    )


def fit_picture(
    image: UploadedImage,
    image_shape: tuple[int, int, int],
    *,
    dark_background: bool,
    mode: FitMode = "crop",
    crop: Crop | None = None,
) -> FittedPicture:
    """Fit a decoded picture to a network's input (height, width, channels) by ``fit_to``.

    ``crop`` is the part that mode "crop" keeps, by default the central one. Raises
    ``ExperimentInvalid`` for a network of other than 1 or 3 channels.
    """
    return FittedPicture(
        fit_to(image.rgb, image_shape, mode, crop),
        (
            *(PictureNote(change) for change in image.notes),
            *_fitting_notes(image, image_shape, mode, crop),
        ),
        has_light_background(image.rgb),
        dark_background,
    )


def fit_to(
    rgb: NDArray[np.uint8],
    image_shape: tuple[int, int, int],
    mode: FitMode = "crop",
    crop: Crop | None = None,
) -> NDArray[np.uint8]:
    """Resize an image, uint8 (h, w, 3), to a network's input, uint8 (height, width, c).

    "crop" keeps the central part, or ``crop``, "stretch" distorts, "pad" adds borders of the mean
    colour. One channel means grey (ITU-R 601 luma). An image of this size is not changed.
    Raises ``ExperimentInvalid`` for other channels than 1 or 3.
    """
    height, width, channels = image_shape
    if channels not in (1, 3):
        raise ExperimentInvalid(
            "This network needs images with {channels} channels, and a picture has 1 (grey) or 3 "
            "(red, green, blue). Use arrays of raw pixels instead.",
            channels=channels,
        )
    image = Image.fromarray(np.ascontiguousarray(rgb))
    size = (width, height)
    # Lanczos averages over all source pixels, which avoids aliasing.
    filter_ = Image.Resampling.LANCZOS
    if mode == "crop" and crop is not None:
        image = image.resize(size, filter_, box=crop.box(image.size, size))
    elif image.size != size:
        if mode == "crop":
            image = ImageOps.fit(image, size, filter_)
        elif mode == "pad":
            mean = tuple(int(value) for value in rgb.reshape(-1, 3).mean(axis=0).round())
            image = ImageOps.pad(image, size, filter_, color=mean)
        else:
            image = image.resize(size, filter_)
    pixels = np.array(image.convert("L") if channels == 1 else image)
    return pixels.reshape(height, width, channels)


def has_light_background(rgb: NDArray[np.uint8]) -> bool:
    """Whether more than half of the edge pixels of an image, uint8 (h, w, 3), are light."""
    edges = np.concatenate([rgb[0], rgb[-1], rgb[:, 0], rgb[:, -1]])
    return bool(np.median(edges.mean(axis=1)) > 127.5)


def _fitting_notes(
    image: UploadedImage, image_shape: tuple[int, int, int], mode: FitMode, crop: Crop | None
) -> Iterator[PictureNote]:
    height, width, channels = image_shape
    if mode == "crop" and crop is not None:
        yield PictureNote(PictureChange.CROPPED_BY_CHOICE)
    elif image.width * height != image.height * width:
        to_square, to_other = _FITTED[mode]
        if width == height:
            yield PictureNote(to_square)
        else:
            yield PictureNote(to_other, {"width": width, "height": height})
    from_width, from_height = image.width, image.height
    if mode == "crop":
        left, top, right, bottom = (crop or Crop()).box((from_width, from_height), (width, height))
        from_width, from_height = max(round(right - left), 1), max(round(bottom - top), 1)
    if (from_width, from_height) != (width, height):
        sizes = {"from_width": from_width, "from_height": from_height}
        yield PictureNote(PictureChange.RESIZED, {**sizes, "width": width, "height": height})
    if channels == 1 and not _is_grey(image.rgb):
        yield PictureNote(PictureChange.GREY)


def _is_grey(rgb: NDArray[np.uint8]) -> bool:
    # A few rows at a time: comparing 50 million pixels at once takes 100 MB.
    rows = max(1, 1_000_000 // rgb.shape[1])
    return all(
        bool((part == part[..., :1]).all())
        for part in (rgb[top : top + rows] for top in range(0, len(rgb), rows))
    )
