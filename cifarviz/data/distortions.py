"""Changes of a picture by a measured amount: rotation, noise, compression and others.

A change of geometry moves the picture's points; all such changes together are one resampling, so
that they blur it only once. The others are made after it, in the order of ``DISTORTIONS``.
"""

import io
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from cifarviz.errors import ExperimentInvalid

Pixels = NDArray[np.uint8]
Matrix = NDArray[np.float64]
Amounts = Mapping[str, float]
"""Amounts by the keys of distortions; those that are missing are neutral."""


@dataclass(frozen=True, eq=False)
class Distortion:
    """A change of a picture by an amount from ``low`` to ``high``, in steps of ``step``.

    ``key`` is its name in addresses, ``unit`` stands behind the amount, ``neutral`` is the amount
    that changes nothing. ``needs_color``: it has no meaning for grey pictures.
    """

    key: str
    title: str
    unit: str
    low: float
    high: float
    neutral: float
    step: float
    help: str
    needs_color: bool = False

    def grid(self, count: int) -> NDArray[np.float64]:
        """Return about ``count`` even amounts on its steps, with ``neutral`` and both ends.

        Ascending; each is a whole number of steps above ``low``.
        """
        steps = self.position(self.high)
        evenly = np.linspace(0, steps, min(count, steps + 1)).round().astype(int)
        positions = np.union1d(evenly, [self.position(self.neutral)])
        return np.array([self.amount(position) for position in positions])

    def position(self, amount: float) -> int:
        """Return the number of steps from ``low`` to the step nearest to ``amount``."""
        return round((amount - self.low) / self.step)

    def amount(self, position: int) -> float:
        """Return the amount so many steps above ``low``."""
        return round(float(self.low + position * self.step), 6)

    def format(self, amount: float) -> str:
        """Format an amount with its unit, such as ``−30°`` or ``1.5 px``."""
        number = f"{amount:.6g}".replace("-", "−")
        space = "" if self.unit in ("°", "%", "") else " "
        return f"{number}{space}{self.unit}"


@dataclass(frozen=True, eq=False)
class GeometricDistortion(Distortion):
    """One that moves the picture's points.

    ``matrix(amount, width, height)`` maps places of the result to places of the picture: 3 × 3, in
    pixels from the picture's centre, x to the right and y down.
    """

    matrix: Callable[[float, int, int], Matrix] = lambda amount, width, height: np.eye(3)


@dataclass(frozen=True, eq=False)
class PixelDistortion(Distortion):
    """One that leaves all points where they are.

    ``apply(pixels, amount, seed)`` takes and returns uint8 (height, width, 1 or 3).
    """

    apply: Callable[[Pixels, float, int], Pixels] = lambda pixels, amount, seed: pixels


def _rotate(amount: float, width: int, height: int) -> Matrix:
    cos, sin = math.cos(math.radians(amount)), math.sin(math.radians(amount))
    return np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]])


def _shift_right(amount: float, width: int, height: int) -> Matrix:
    return np.array([[1, 0, -amount / 100 * width], [0, 1, 0], [0, 0, 1]])


def _shift_down(amount: float, width: int, height: int) -> Matrix:
    return np.array([[1, 0, 0], [0, 1, -amount / 100 * height], [0, 0, 1]])


def _scale(amount: float, width: int, height: int) -> Matrix:
    return np.diag([100 / amount, 100 / amount, 1])


def _brighten(pixels: Pixels, amount: float, seed: int) -> Pixels:
    return _to_levels(pixels + amount)


def _change_contrast(pixels: Pixels, amount: float, seed: int) -> Pixels:
    mean = pixels.mean()
    return _to_levels(mean + (pixels - mean) * amount / 100)


def _shift_hue(pixels: Pixels, amount: float, seed: int) -> Pixels:
    hue, saturation, value = Image.fromarray(pixels).convert("HSV").split()
    # Pillow's hues are 256 steps around the circle.
    turned = np.asarray(hue, np.int16) + round(amount / 360 * 256)
    bands = Image.fromarray((turned % 256).astype(np.uint8)), saturation, value
    return np.asarray(Image.merge("HSV", bands).convert("RGB"))


def _blur(pixels: Pixels, amount: float, seed: int) -> Pixels:
    blurred = _to_image(pixels).filter(ImageFilter.GaussianBlur(amount))
    return np.asarray(blurred).reshape(pixels.shape)


def _add_noise(pixels: Pixels, amount: float, seed: int) -> Pixels:
    # The same pattern for each amount, so that a curve over the amount is of one picture.
    noise = np.random.default_rng(seed).standard_normal(pixels.shape)
    return _to_levels(pixels + amount * noise)


def _compress(pixels: Pixels, amount: float, seed: int) -> Pixels:
    file = io.BytesIO()
    _to_image(pixels).save(file, "JPEG", quality=round(amount))
    with Image.open(file, formats=["JPEG"]) as image:
        return np.asarray(image).reshape(pixels.shape)


def _to_levels(values: NDArray[np.floating]) -> Pixels:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _to_image(pixels: Pixels) -> Image.Image:
    return Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)


_EDGES = "Places outside the picture repeat its edge."
DISTORTIONS: Final[tuple[Distortion, ...]] = (
    GeometricDistortion(
        "rotation", "Rotation", "°", -180, 180, 0, 1,
        f"Clockwise around the centre. {_EDGES}", matrix=_rotate,
    ),
    GeometricDistortion(
        "right", "Shift right", "%", -50, 50, 0, 1,
        f"Per cent of the picture’s width; below 0 to the left. {_EDGES}", matrix=_shift_right,
    ),
    GeometricDistortion(
        "down", "Shift down", "%", -50, 50, 0, 1,
        f"Per cent of the picture’s height; below 0 upwards. {_EDGES}", matrix=_shift_down,
    ),
    GeometricDistortion(
        "scale", "Scale", "%", 40, 250, 100, 2,
        f"Smaller or larger around the centre. {_EDGES}", matrix=_scale,
    ),
    PixelDistortion(
        "brightness", "Brightness", "levels", -200, 200, 0, 2,
        "Added to each pixel, of 255 levels.", apply=_brighten,
    ),
    PixelDistortion(
        "contrast", "Contrast", "%", 0, 300, 100, 2,
        "Each pixel’s distance from the picture’s mean.", apply=_change_contrast,
    ),
    PixelDistortion(
        "hue", "Hue", "°", -180, 180, 0, 3,
        "Turns all colours around the colour circle.", needs_color=True, apply=_shift_hue,
    ),
    PixelDistortion(
        "blur", "Blur", "px", 0, 6, 0, 0.1,
        "Standard deviation of a Gaussian blur, in pixels of the network’s input.", apply=_blur,
    ),
    PixelDistortion(
        "noise", "Noise", "levels", 0, 120, 0, 1,
        "Standard deviation of Gaussian noise, of 255 levels; always the same noise.",
        apply=_add_noise,
    ),
    PixelDistortion(
        "jpeg", "JPEG quality", "", 1, 100, 100, 1,
        "Compressed as JPEG with this quality; 100 is not compressed.", apply=_compress,
    ),
)  # fmt: skip
"""All distortions, in the order in which they are made."""


def distortions_for(channels: int) -> tuple[Distortion, ...]:
    """Return the distortions that have a meaning for pictures of so many channels."""
    return tuple(one for one in DISTORTIONS if channels == 3 or not one.needs_color)


def find_distortion(key: str) -> Distortion:
    """Return the distortion with this key; raises ``ExperimentInvalid``."""
    for distortion in DISTORTIONS:
        if distortion.key == key:
            return distortion
    raise ExperimentInvalid(
        "There is no change called “{key}”. Choose one of {known}.",
        key=key,
        known=", ".join(distortion.key for distortion in DISTORTIONS),
    )


def distort(pixels: Pixels, amounts: Amounts, *, seed: int = 0) -> Pixels:
    """Distort a picture, uint8 (height, width, 1 or 3), by all ``amounts`` that are not neutral.

    ``seed`` is that of the noise. Raises ``ExperimentInvalid`` for an unknown key, an amount out
    of range, and for a picture that a distortion has no meaning for.
    """
    changed = [
        (distortion, float(amounts[distortion.key]))
        for distortion in DISTORTIONS
        if amounts.get(distortion.key, distortion.neutral) != distortion.neutral
    ]
    _check(pixels, amounts)
    height, width = pixels.shape[:2]
    matrices = [
        distortion.matrix(amount, width, height)
        for distortion, amount in changed
        if isinstance(distortion, GeometricDistortion)
    ]
    if matrices:
        pixels = _resample(pixels, matrices)
    for distortion, amount in changed:
        if isinstance(distortion, PixelDistortion):
            pixels = distortion.apply(pixels, amount, seed)
    return pixels


def _check(pixels: Pixels, amounts: Amounts) -> None:
    for key, amount in amounts.items():
        distortion = find_distortion(key)
        if not distortion.low <= amount <= distortion.high:
            raise ExperimentInvalid(
                "{title} goes from {low} to {high}; got {amount:g}. Choose an amount in between.",
                title=distortion.title,
                low=distortion.format(distortion.low),
                high=distortion.format(distortion.high),
                amount=amount,
            )
        if distortion.needs_color and pixels.shape[-1] != 3 and amount != distortion.neutral:
            raise ExperimentInvalid(
                "A grey picture has no colours, so {title} cannot be changed. Choose another "
                "change.",
                title=distortion.title.lower(),
            )


def _resample(pixels: Pixels, matrices: Sequence[Matrix]) -> Pixels:
    """Resample a picture once for all ``matrices``, of which the first is applied first."""
    height, width = pixels.shape[:2]
    # From a place of the result, undo the last change first.
    combined = np.eye(3)
    for matrix in matrices:
        combined = combined @ matrix
    center = np.array([[1, 0, -width / 2], [0, 1, -height / 2], [0, 0, 1]])
    back = np.array([[1, 0, width / 2], [0, 1, height / 2], [0, 0, 1]])
    # Rounded, as Pillow cuts 45.99 to 45: the cosine of a quarter turn is not quite 0.
    places = np.round(back @ combined @ center, 12)
    margin = _margin(places, width, height)
    padded = np.pad(pixels, ((margin, margin), (margin, margin), (0, 0)), mode="edge")
    places[:2, 2] += margin
    coefficients = places[:2].ravel().tolist()
    result = _to_image(padded).transform(
        (width, height), Image.Transform.AFFINE, coefficients, Image.Resampling.BICUBIC
    )
    return np.asarray(result).reshape(pixels.shape)


def _margin(places: Matrix, width: int, height: int) -> int:
    """Return by how many pixels the places of the result go beyond the picture."""
    corners = np.array([[0, width, 0, width], [0, 0, height, height], [1, 1, 1, 1]])
    x, y = (places @ corners)[:2]
    beyond = max(-x.min(), x.max() - width, -y.min(), y.max() - height, 0)
    # A place on the edge itself is not inside for Pillow.
    return math.ceil(beyond) + 1
