"""A network that is given wrong labels, beside one that is given the right ones."""

from typing import Final

from cifarviz.errors import ExperimentInvalid
from cifarviz.experiment.choices import Data
from cifarviz.experiment.lab.entrants import Entrant, Entry
from cifarviz.experiment.lab.network import lab_experiment
from cifarviz.experiment.words import share_words

USUAL_IMAGES: Final = 2_000
USUAL_EPOCHS: Final = 30
USUAL_PERCENT: Final = 20
FEWEST_PERCENT: Final = 1
MOST_PERCENT: Final = 90


def memorisation(percent: int, data: Data, *, epochs: int, seed: int) -> Entry:
    """The run with so many per cent of wrong labels, and the same with none.

    Raises ``ExperimentInvalid``.
    """
    if not FEWEST_PERCENT <= percent <= MOST_PERCENT:
        raise ExperimentInvalid(
            "Between {fewest} and {most} per cent of the labels can be made wrong "
            "here, not {percent}.",
            fewest=FEWEST_PERCENT,
            most=MOST_PERCENT,
            percent=percent,
        )
    share = percent / 100
    wrong = data.model_copy(update={"wrong_labels": share, "wrong_labels_seed": seed})
    words = f"{share_words(share)} wrong labels"
    return Entry(
        "memorisation",
        f"Memorisation: {words}",
        (
            Entrant(words, lab_experiment(wrong, epochs=epochs, seed=seed)),
            Entrant("right labels", lab_experiment(data, epochs=epochs, seed=seed)),
        ),
    )


def usual(seed: int) -> Entry:
    """What nobody has changed, on the sample."""
    data = Data(train_images=USUAL_IMAGES)
    return memorisation(USUAL_PERCENT, data, epochs=USUAL_EPOCHS, seed=seed)
