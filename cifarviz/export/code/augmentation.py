"""The random changes to training images in an exported program, as in training/augmentation.py."""

import math
from textwrap import dedent

from cifarviz.experiment.choices import Augmentation
from cifarviz.export.code.section import blocks

_MIRRORED = dedent(
    '''\
    MIRRORED_FIRST = tf.random.stateless_uniform([len(train_images)], [SEED, 0]).numpy() < 0.5


    def flip_alternating(chosen, epoch):
        """Return images, a random half mirrored in the first epoch, the others in the next."""
        mirrored = MIRRORED_FIRST[chosen] ^ (epoch % 2 == 0)
        images = train_images[chosen]
        return np.where(mirrored[:, None, None, None], images[:, :, ::-1], images)
    '''
)
_SHIFTED = dedent(
    '''\
    def shifted_positions(size, offsets):
        """Return the source rows (or columns) of shifted images; borders are mirrored."""
        positions = np.abs(np.arange(size) + offsets[:, None])
        return np.minimum(positions, 2 * (size - 1) - positions)
    '''
)
_UNIFORM = dedent(
    '''\
    def uniform(step, number, shape):
        """Return numbers from 0 to 1, by the seed, the step and which change they are for."""
        seed = np.array([SEED, -16 * step - number], np.int32)
        return tf.random.stateless_uniform(shape, seed).numpy()
    '''
)
_ROTATED = dedent(
    '''\
    def rotated(images, angles, zooms):
        """Turn and enlarge images about their centre; what is beyond the border is mirrored."""
        height, width = images.shape[1:3]
        x = np.arange(width, dtype=np.float32)[None, None, :] - (width - 1) / 2
        y = np.arange(height, dtype=np.float32)[None, :, None] - (height - 1) / 2
        cosine, sine = np.cos(angles)[:, None, None], np.sin(angles)[:, None, None]
        zooms = zooms[:, None, None]
        columns = (cosine * x - sine * y) / zooms + (width - 1) / 2
        rows = (sine * x + cosine * y) / zooms + (height - 1) / 2
        left, above = np.floor(columns).astype(int), np.floor(rows).astype(int)
        which = np.arange(len(images))[:, None, None]

        def reflected(positions, size):
            period = max(2 * (size - 1), 1)
            positions = np.abs(positions) % period
            return np.minimum(positions, period - positions) if size > 1 else positions * 0

        def pixels(down, along):
            row, column = reflected(above + down, height), reflected(left + along, width)
            return images[which, row, column].astype(np.float32)

        right, below = (columns - left)[..., None], (rows - above)[..., None]
        upper = pixels(0, 0) * (1 - right) + pixels(0, 1) * right
        lower = pixels(1, 0) * (1 - right) + pixels(1, 1) * right
        return (upper * (1 - below) + lower * below).astype(np.float32)
    '''
)
_COLORS = dedent(
    '''\
    def color_matrices(saturations, hues):
        """Return matrices that change saturation and turn hues, and leave grey as it is."""
        cosine, sine = np.cos(hues)[:, None, None], np.sin(hues)[:, None, None]
        axis = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / math.sqrt(3)
        turned = cosine * np.eye(3) + (1 - cosine) / 3 + sine * axis
        factors = saturations[:, None, None]
        luma = np.array([[0.299, 0.587, 0.114]] * 3)
        return turned @ (factors * np.eye(3) + (1 - factors) * luma)
    '''
)
_WITHIN = dedent(
    '''\
    def within(first, end, images):
        """Return which pixels are in rectangles of rows and columns, one an image."""
        rows, columns = (
            (np.arange(size) >= first[axis][:, None]) & (np.arange(size) < end[axis][:, None])
            for axis, size in enumerate(images.shape[1:3])
        )
        return (rows[:, :, None] & columns[:, None, :])[..., None]
    '''
)
_BETA = dedent(
    '''\
    def beta(step, number, alpha, count):
        """Draw from a beta distribution with both parameters alpha."""
        seed = np.array([SEED, -16 * step - number], np.int32)
        first, second = tf.random.stateless_gamma([2, count], seed, alpha).numpy()
        return np.where(first + second > 1e-37, first / (first + second), np.float32(1))
    '''
)


def augmentation_code(augmentation: Augmentation) -> str:
    """Return the functions that change a batch, and mix it; empty without augmentation."""
    if not augmentation.is_on:
        return ""
    drawn = not _only_flips_and_shifts(augmentation)
    turned = augmentation.rotation or augmentation.zoom
    colored = augmentation.saturation or augmentation.hue
    boxes = augmentation.cutout or augmentation.cutmix
    cover = "# Cutout covers with it.\nMEAN_COLOR = train_images.mean((0, 1, 2))"
    return blocks(
        [
            _MIRRORED if augmentation.alternating_flip else "",
            _SHIFTED if augmentation.shift else "",
            _UNIFORM if drawn else "",
            _ROTATED if turned else "",
            _COLORS if colored else "",
            _WITHIN if boxes else "",
            cover if augmentation.cutout else "",
            _augmented(augmentation),
            _BETA if augmentation.mixes_labels else "",
            _mixed(augmentation),
        ],
        gap=2,
    )


def batch_code(augmentation: Augmentation) -> str:
    """Return the expression of a batch: images and labels at the positions ``chosen``."""
    images = "train_images[chosen]"
    if augmentation.alternating_flip:
        images = "flip_alternating(chosen, epoch)"
    if _augments(augmentation):
        images = f"augmented({images}, step)"
    if augmentation.mixes_labels:
        return f"mixed({images}, train_labels[chosen], step)"
    return f"{images}, train_labels[chosen]"


def _augments(augmentation: Augmentation) -> bool:
    """Whether images are changed, each on its own, by the step's random numbers."""
    others = {"alternating_flip": False, "mixup": 0.0, "cutmix": 0.0}
    return augmentation.model_copy(update=others).is_on


def _only_flips_and_shifts(augmentation: Augmentation) -> bool:
    moves = {"flip": False, "alternating_flip": False, "shift": 0}
    return not augmentation.model_copy(update=moves).is_on


def _augmented(augmentation: Augmentation) -> str:
    if not _augments(augmentation):
        return ""
    lines = [
        "def augmented(images, step):",
        f'    """{_docstring(augmentation)}"""',
        "    # Stateless random numbers, from the seed and the step: repeatable.",
    ]
    if augmentation.flip or augmentation.shift:
        lines.append("    seed = np.array([SEED, 2 * step], np.int32)")
    if augmentation.flip:
        lines += [
            "    mirrored = tf.random.stateless_uniform([len(images)], seed).numpy() < 0.5",
            "    images = np.where(mirrored[:, None, None, None], images[:, :, ::-1], images)",
        ]
    if augmentation.shift:
        most = augmentation.shift
        lines += [
            "    down, right = tf.random.stateless_uniform(",
            f"        [2, len(images)], seed + 1, {-most}, {most + 1}, tf.int32",
            "    ).numpy()",
            "    rows = shifted_positions(images.shape[1], down)",
            "    columns = shifted_positions(images.shape[2], right)",
            "    which = np.arange(len(images))",
            "    images = images[which[:, None, None], rows[:, :, None], columns[:, None, :]]",
        ]
    if augmentation.rotation or augmentation.zoom:
        lines += [
            f"    angles = {_around(0, math.radians(augmentation.rotation), 1)}",
            f"    zooms = {_around(1, augmentation.zoom, 2)}",
            "    images = rotated(images, angles, zooms)",
        ]
    lines += _recolored(augmentation)
    if augmentation.cutout:
        side = augmentation.cutout
        lines += [
            "    sizes = np.array(images.shape[1:3])[:, None]",
            "    centers = (uniform(step, 7, [2, len(images)]) * sizes).astype(int)",
            f"    first = centers - {side // 2}",
            f"    images = np.where(within(first, first + {side}, images), MEAN_COLOR, images)",
        ]
    lines.append("    return images")
    return "\n".join(lines)


def _recolored(augmentation: Augmentation) -> list[str]:
    added, contrast = augmentation.brightness, augmentation.contrast
    saturation, hue = augmentation.saturation, augmentation.hue
    if not (added or contrast or saturation or hue):
        return []
    lines = ["    images = images.astype(np.float32)"]
    if contrast:
        lines += [
            f"    contrasts = ({_around(1, contrast, 4)})[:, None, None, None]",
            "    means = images.mean((1, 2, 3), keepdims=True)",
        ]
    if saturation or hue:
        lines += [
            f"    saturations = {_around(1, saturation, 5)}",
            f"    hues = {_around(0, math.radians(hue), 6)}",
            "    colors = color_matrices(saturations, hues)",
            '    images = np.einsum("nhwc,ndc->nhwd", images, colors)',
        ]
    if contrast:
        lines.append("    images = means + contrasts * (images - means)")
    if added:
        lines.append(f"    images = images + ({_around(0, 255 * added, 3)})[:, None, None, None]")
    return [*lines, "    images = np.clip(images, 0, 255)"]


def _around(middle: int, most: float, number: int) -> str:
    """The expression of a number for each image, up to ``most`` from ``middle``."""
    if most == 0:
        return f"np.full(len(images), {float(middle)})"
    return f"{middle - most!r} + {2 * most!r} * uniform(step, {number}, [len(images)])"


def _mixed(augmentation: Augmentation) -> str:
    if not augmentation.mixes_labels:
        return ""
    lines = [
        "def mixed(images, labels, step):",
        '    """Mix each image and its label with the one before it; batches are shuffled."""',
        "    count, height, width = images.shape[:3]",
    ]
    if augmentation.mixup:
        lines.append(f"    shares = beta(step, 8, {augmentation.mixup!r}, count)")
    else:
        lines.append("    shares = np.ones(count)")
    if augmentation.cutmix:
        lines += [
            f"    sides = np.sqrt(1 - beta(step, 9, {augmentation.cutmix!r}, count))",
            "    centers = uniform(step, 10, [2, count])",
            "    sizes = np.array([[height], [width]])",
            "    lengths = (sides * sizes).astype(int)",
            "    first = (centers * sizes).astype(int) - lengths // 2",
            "    first, end = np.maximum(first, 0), np.minimum(first + lengths, sizes)",
        ]
    if augmentation.mixup and augmentation.cutmix:
        lines += [
            "    blended = uniform(step, 11, [count]) < 0.5",
            "    shares, end = np.where(blended, shares, 1), np.where(blended, first, end)",
        ]
    lines += [
        "    weights = shares[:, None, None, None]",
        "    before = np.roll(images, 1, axis=0)",
    ]
    blend = "weights * images + (1 - weights) * before"
    if augmentation.cutmix:
        lines += [
            f"    images = np.where(within(first, end, images), before, {blend})",
            "    shares = shares * (1 - np.prod(end - first, axis=0) / (height * width))",
        ]
    else:
        lines.append(f"    images = {blend}")
    lines += [
        "    shares = shares[:, None]",
        "    return images, shares * labels + (1 - shares) * np.roll(labels, 1, axis=0)",
    ]
    return "\n".join(lines)


def _docstring(augmentation: Augmentation) -> str:
    if not _only_flips_and_shifts(augmentation):
        return "Change each image at random."
    pixels = "1 pixel" if augmentation.shift == 1 else f"{augmentation.shift} pixels"
    if not augmentation.shift:
        return "Mirror a random half of the images."
    if not augmentation.flip:
        return f"Shift each image by up to {pixels}."
    return f"Mirror a random half of the images, and shift each by up to {pixels}."
