"""Two or three runs from one seed that differ in a single thing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from cifarviz.errors import ExperimentInvalid
from cifarviz.experiment.choices import Augmentation, Data, EarlyStopping
from cifarviz.experiment.lab.entrants import Entrant, Entry
from cifarviz.experiment.lab.network import lab_experiment, lab_network

FEWEST, MOST = 2, 3
"""So many runs a duel may have."""

Fields = Mapping[str, Any]


@dataclass(frozen=True)
class Thing:
    """What a duel is about. ``values`` are words as an address has them, with those shown.

    ``usual`` are the words of the duel that nobody has changed; ``fields`` makes an experiment's
    fields of a word and the data that are trained on.
    """

    title: str
    hint: str
    values: Mapping[str, str]
    usual: tuple[str, ...]
    fields: Callable[[str, Data], Fields]


def _network(name: str, made: Callable[[str], object]) -> Callable[[str, Data], Fields]:
    return lambda word, data: {"architecture": lab_network(data.dataset, **{name: made(word)})}  # type: ignore[arg-type]


def _images(word: str, data: Data) -> Fields:
    return {"data": data.model_copy(update={"train_images": int(word)})}


def _augmentation(word: str, data: Data) -> Fields:
    return {"augmentation": AUGMENTATIONS[word]}


def _early_stopping(word: str, data: Data) -> Fields:
    return {"early_stopping": None if word == "off" else EarlyStopping(patience=int(word))}


AUGMENTATIONS: Final[Mapping[str, Augmentation]] = MappingProxyType(
    {
        "off": Augmentation(),
        "flip": Augmentation(flip=True),
        "shift": Augmentation(shift=3),
        "both": Augmentation(flip=True, shift=3),
    }
)
_IMAGES = (500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000)

THINGS: Final[Mapping[str, Thing]] = MappingProxyType(
    {
        "augmentation": Thing(
            "Augmentation",
            "Random changes to the training images, new in each epoch.",
            {
                "off": "no augmentation",
                "flip": "mirrored",
                "shift": "shifted",
                "both": "mirrored and shifted",
            },
            ("off", "both"),
            _augmentation,
        ),
        "dropout": Thing(
            "Dropout",
            "The share of values that are left out at random before the last layer; half of it "
            "after each pooling.",
            {"0": "no dropout", **{word: f"dropout {word}" for word in ("0.15", "0.3", "0.5")}},
            ("0", "0.3"),
            _network("dropout", float),
        ),
        "images": Thing(
            "Number of training images",
            "How many images are learned from.",
            {str(count): f"{count:,} images" for count in _IMAGES},
            ("500", "5000"),
            _images,
        ),
        "l2": Thing(
            "L2 penalty",
            "How strongly large weights are punished.",
            {"0": "no penalty", **{word: f"L2 {word}" for word in ("0.001", "0.003", "0.01")}},
            ("0", "0.003"),
            lambda word, data: {"l2": float(word)},
        ),
        "batch-norm": Thing(
            "Batch normalisation",
            "Centres and scales each channel over the batch, after each convolution.",
            {"off": "no batch normalisation", "on": "batch normalisation"},
            ("off", "on"),
            _network("batch_norm", lambda word: word == "on"),
        ),
        "early-stopping": Thing(
            "Early stopping",
            "Ends a run after so many epochs without anything better, and gives it its best "
            "weights back.",
            {"off": "no early stopping", "2": "patience 2", "4": "patience 4"},
            ("off", "2"),
            _early_stopping,
        ),
        "width": Thing(
            "Width of the network",
            "Multiplies the number of filters and of units in each layer.",
            {
                "0.25": "a quarter as wide",
                "0.5": "half as wide",
                "1": "as it is",
                "2": "twice as wide",
            },
            ("0.25", "1"),
            _network("width", float),
        ),
        "batch-size": Thing(
            "Batch size",
            "How many images are looked at for one step of the weights.",
            {word: f"batch {word}" for word in ("8", "32", "128", "500")},
            ("32", "500"),
            lambda word, data: {"batch_size": int(word)},
        ),
    }
)
"""By the word an address has for each."""

USUAL_IMAGES: Final = 2_000
USUAL_EPOCHS: Final = 40


def duel(thing: str, words: Sequence[str], data: Data, *, epochs: int, seed: int) -> Entry:
    """The duel about a thing of ``THINGS`` with two or three of its values.

    Raises ``ExperimentInvalid`` for another number of them, for what is none, and for what can't
    be trained.
    """
    about = THINGS.get(thing)
    if about is None:
        known = ", ".join(THINGS)
        raise ExperimentInvalid(
            "A duel can be about {known}, not about “{thing}”.", known=known, thing=thing[:40]
        )
    for word in words:
        if word not in about.values:
            known = ", ".join(about.values)
            raise ExperimentInvalid(
                "{subject} can be {known} here, not “{word}”.",
                subject=about.title,
                known=known,
                word=word[:40],
            )
    chosen = [word for word in about.values if word in words]
    if not FEWEST <= len(chosen) <= MOST:
        raise ExperimentInvalid(
            "A duel has {fewest} or {most} runs: choose as many values of "
            "“{subject}”, not {count}.",
            fewest=FEWEST,
            most=MOST,
            subject=about.title.lower(),
            count=len(chosen),
        )
    labels = [about.values[word] for word in chosen]
    title = f"{about.title}: {' against '.join(labels)}"
    shared: Fields = {"data": data, "epochs": epochs, "seed": seed}
    entrants = tuple(
        Entrant(
            label,
            lab_experiment(**{**shared, **about.fields(word, data)}),
        )
        for word, label in zip(chosen, labels, strict=True)
    )
    return Entry("duel", title, entrants)


def usual(seed: int) -> Entry:
    """The duel that nobody has changed, on the sample."""
    thing = next(iter(THINGS))
    data = Data(train_images=USUAL_IMAGES)
    return duel(thing, THINGS[thing].usual, data, epochs=USUAL_EPOCHS, seed=seed)
