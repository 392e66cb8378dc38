"""The order of the images, and what is done to them, in code."""

from textwrap import dedent

from cifarviz.experiment.experiment import Augmentation, Experiment
from cifarviz.export.code.section import Section, blocks


def batches_section(experiment: Experiment) -> Section:
    """A generator of training batches: a new order in each epoch, images changed at random."""
    changes = experiment.augmentation
    changed = changes.flip or changes.shift > 0
    given = "augmented(train_images[chosen], step)" if changed else "train_images[chosen]"
    code = blocks([_augmentation(changes), _generator(given, changed)], gap=2)
    imports = ["import math", "import numpy as np"]
    if changed:
        imports.append("import tensorflow as tf")
    text = (
        "Each epoch goes through all training images in an order of its own, which follows from "
        "the seed and the number of the epoch. (`fit` with a global seed and `shuffle=True` would "
        "repeat one and the same order in every epoch.)"
    )
    if changed:
        text += (
            " Each image is changed a little at random, so that the network never sees quite the "
            "same one twice."
        )
    return Section("Batches", text, code, tuple(imports))


def _generator(given: str, changed: bool) -> str:
    count = "            step += 1\n" if changed else ""
    start = "    step = 0\n" if changed else ""
    return (
        "STEPS_PER_EPOCH = math.ceil(len(train_images) / BATCH_SIZE)\n\n\n"
        "def training_batches():\n"
        '    """Give the batches of all epochs, one after the other."""\n'
        f"{start}"
        "    for epoch in range(1, EPOCHS + 1):\n"
        "        order = np.random.default_rng([SEED, epoch]).permutation(len(train_images))\n"
        "        for first in range(0, len(order), BATCH_SIZE):\n"
        "            chosen = order[first : first + BATCH_SIZE]\n"
        f"{count}"
        f"            yield {given}, train_labels[chosen]"
    )


def _augmentation(changes: Augmentation) -> str:
    if not changes.flip and not changes.shift:
        return ""
    what = []
    if changes.flip:
        what.append("mirror a random half of the images")
    if changes.shift:
        what.append(f"move {'each' if what else 'each image'} by up to {_pixels(changes.shift)}")
    words = ", and ".join(what)
    lines = [
        "def augmented(images, step):",
        f'    """{words[0].upper()}{words[1:]}."""',
        "    # Random numbers that follow from the seed and the number of the step, and from no",
        "    # state, so that another run of this program gives the same images.",
        "    seed = np.array([SEED, 2 * step], np.int32)",
    ]
    if changes.flip:
        lines += [
            "    mirrored = tf.random.stateless_uniform([len(images)], seed).numpy() < 0.5",
            "    images = np.where(mirrored[:, None, None, None], images[:, :, ::-1], images)",
        ]
    if changes.shift:
        most = changes.shift
        lines += [
            "    down, right = tf.random.stateless_uniform(",
            f"        [2, len(images)], seed + 1, {-most}, {most + 1}, tf.int32",
            "    ).numpy()",
            "    rows = shifted_positions(images.shape[1], down)",
            "    columns = shifted_positions(images.shape[2], right)",
            "    which = np.arange(len(images))",
            "    images = images[which[:, None, None], rows[:, :, None], columns[:, None, :]]",
        ]
    lines.append("    return images")
    return blocks([_SHIFTED if changes.shift else "", "\n".join(lines)], gap=2)


_SHIFTED = dedent(
    '''\
    def shifted_positions(size, offsets):
        """Where each row (or column) of a moved image comes from; the border is mirrored."""
        positions = np.abs(np.arange(size) + offsets[:, None])
        return np.minimum(positions, 2 * (size - 1) - positions)
    '''
)


def _pixels(number: int) -> str:
    return "1 pixel" if number == 1 else f"{number} pixels"
