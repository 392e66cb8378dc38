"""One network on ever more images."""

from typing import Final

from cifarviz.errors import ExperimentInvalid
from cifarviz.experiment.choices import Data
from cifarviz.experiment.lab.entrants import Entrant, Entry
from cifarviz.experiment.lab.network import lab_experiment

SIZES: Final = (500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000)
USUAL_MOST: Final = 5_000
USUAL_EPOCHS: Final = 30


def sizes(most: int, data: Data, *, epochs: int, seed: int) -> Entry:
    """The same on each of ``SIZES`` up to ``most``; a smaller number's images are in a larger's.

    Raises ``ExperimentInvalid`` where that leaves fewer than two.
    """
    counts = [size for size in SIZES if size <= most]
    if len(counts) < 2:
        raise ExperimentInvalid(
            "At least {fewest:,} training images are needed to compare numbers of them, not "
            "{most:,}.",
            fewest=SIZES[1],
            most=most,
        )
    return Entry(
        "sizes",
        f"Too little data: {counts[0]:,} to {counts[-1]:,} images",
        tuple(
            Entrant(
                f"{count:,} images",
                lab_experiment(
                    data.model_copy(update={"train_images": count}), epochs=epochs, seed=seed
                ),
            )
            for count in counts
        ),
    )


def usual(seed: int) -> Entry:
    """What nobody has changed, on the sample."""
    return sizes(USUAL_MOST, Data(), epochs=USUAL_EPOCHS, seed=seed)
