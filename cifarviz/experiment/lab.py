"""The experiments of the lab: which runs each of them trains."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal

from cifarviz.datasets.registry import find
from cifarviz.errors import ExperimentInvalid
from cifarviz.experiment.architecture import Architecture
from cifarviz.experiment.choices import Augmentation, Data, EarlyStopping, TestValidation
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.formatting import format_share
from cifarviz.experiment.optimizers import Adam
from cifarviz.layers.activation import Activation
from cifarviz.layers.base import Layer
from cifarviz.layers.batch_norm import BatchNorm
from cifarviz.layers.conv2d import Conv2D
from cifarviz.layers.dense import Dense
from cifarviz.layers.dropout import Dropout
from cifarviz.layers.flatten import Flatten
from cifarviz.layers.pooling import MaxPool2D

LabKind = Literal["duel", "memorisation", "sizes", "cures"]
LAB_TITLES: Mapping[LabKind, str] = MappingProxyType(
    {
        "duel": "Duel",
        "memorisation": "Memorisation",
        "sizes": "Too little data",
        "cures": "Cures",
    }
)
"""The lab's experiments by the word of their view, in the order the page shows them."""


@dataclass(frozen=True)
class Arm:
    """One run: ``label`` is what it has and the others don't, such as ``dropout 0.5``."""

    label: str
    experiment: Experiment


@dataclass(frozen=True)
class LabExperiment:
    """All runs of an experiment, in the order they train; ``title`` says what differs."""

    kind: LabKind
    title: str
    arms: tuple[Arm, ...]

    def run_name(self, arm: Arm) -> str:
        """What the run of this arm is called on other pages."""
        return f"{LAB_TITLES[self.kind]}: {arm.label}"


_FILTERS = (16, 32, 64)
_UNITS = 128
MIN_DUEL_RUNS, MAX_DUEL_RUNS = 2, 3
"""So many runs a duel may have."""
Fields = Mapping[str, Any]


@dataclass(frozen=True)
class DuelFactor:
    """What a duel is about. ``values`` are words as an address has them, with those shown.

    ``usual`` are the words of the duel that nobody has changed; ``fields`` makes an experiment's
    fields of a word and the data that are trained on.
    """

    title: str
    hint: str
    values: Mapping[str, str]
    usual: tuple[str, ...]
    fields: Callable[[str, Data], Fields]


AUGMENTATIONS: Final[Mapping[str, Augmentation]] = MappingProxyType(
    {
        "off": Augmentation(),
        "flip": Augmentation(flip=True),
        "shift": Augmentation(shift=3),
        "both": Augmentation(flip=True, shift=3),
    }
)
_IMAGES = (500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000)
DUEL_IMAGES: Final = 2_000
DUEL_EPOCHS: Final = 40
BASELINE_LABEL: Final = "no cure"
CURES_IMAGES: Final = 2_000
CURES_EPOCHS: Final = 30
_DROPOUT = 0.3
_L2 = 0.002
_PATIENCE = 4
MEMORISATION_IMAGES: Final = 2_000
MEMORISATION_EPOCHS: Final = 30
MEMORISATION_PERCENT: Final = 20
MIN_WRONG_PERCENT: Final = 1
MAX_WRONG_PERCENT: Final = 90
DATASET_SIZES: Final = (500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000)
LARGEST_DATASET_SIZE: Final = 5_000
SIZES_EPOCHS: Final = 30


def lab_network(
    dataset: str, *, width: float = 1.0, dropout: float = 0.0, batch_norm: bool = False
) -> Architecture:
    """Three convolutions and a hidden layer: small enough for seconds, large enough to memorise.

    ``width`` multiplies filters and units. ``dropout`` is the rate before the last layer, and half
    of it after each pooling. ``batch_norm``: after each convolution.
    """
    info = find(dataset)
    # Three times half of fewer than eight pixels would be none.
    pool = MaxPool2D(padding="valid" if min(info.image_shape[:2]) >= 8 else "same")
    layers: list[Layer] = []
    for filters in _FILTERS:
        wide = round(width * filters)
        if batch_norm:
            layers += [
                Conv2D(filters=wide, activation="linear"),
                # Short runs: with 0.99 the remembered means would still be those of the start.
                BatchNorm(momentum=0.9),
                Activation(activation="relu"),
            ]
        else:
            layers.append(Conv2D(filters=wide))
        layers.append(pool)
        if dropout:
            layers.append(Dropout(rate=dropout / 2))
    layers += [Flatten(), Dense(units=round(width * _UNITS))]
    if dropout:
        layers.append(Dropout(rate=dropout))
    layers.append(Dense(units=len(info.classes), activation="softmax"))
    return Architecture(
        input_shape=info.image_shape, classes=len(info.classes), layers=tuple(layers)
    )


def lab_experiment(data: Data, *, epochs: int, seed: int, **fields: object) -> Experiment:
    """What all runs of the lab have in common; ``fields`` are those that differ.

    Validated on the test images, since nothing is chosen by them and none is lost for training.
    Raises ``ExperimentInvalid``.
    """
    base: dict[str, object] = {
        "validation": TestValidation(),
        "architecture": lab_network(data.dataset),
        "optimizer": Adam(learning_rate=0.001),
        "batch_size": 32,
        # Not "auto": runs that are compared must not differ in how exactly they calculate.
        "precision": "float32",
    }
    return Experiment.make(**{**base, "data": data, "epochs": epochs, "seed": seed, **fields})


def _network(name: str, made: Callable[[str], object]) -> Callable[[str, Data], Fields]:
    return lambda word, data: {"architecture": lab_network(data.dataset, **{name: made(word)})}  # type: ignore[arg-type]


def _images(word: str, data: Data) -> Fields:
    return {"data": data.model_copy(update={"train_images": int(word)})}


def _augmentation(word: str, data: Data) -> Fields:
    return {"augmentation": AUGMENTATIONS[word]}


def _early_stopping(word: str, data: Data) -> Fields:
    return {"early_stopping": None if word == "off" else EarlyStopping(patience=int(word))}


def duel(thing: str, words: Sequence[str], data: Data, *, epochs: int, seed: int) -> LabExperiment:
    """The duel about a thing of ``THINGS`` with two or three of its values.

    Raises ``ExperimentInvalid`` for another number of them, for what is none, and for what can't
    be trained.
    """
    about = DUEL_FACTORS.get(thing)
    if about is None:
        known = ", ".join(DUEL_FACTORS)
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
    if not MIN_DUEL_RUNS <= len(chosen) <= MAX_DUEL_RUNS:
        raise ExperimentInvalid(
            "A duel has {fewest} or {most} runs. Choose {fewest} or {most} values of "
            "“{subject}”, not {count}.",
            fewest=MIN_DUEL_RUNS,
            most=MAX_DUEL_RUNS,
            subject=about.title.lower(),
            count=len(chosen),
        )
    labels = [about.values[word] for word in chosen]
    title = f"{about.title}: {' against '.join(labels)}"
    shared: Fields = {"data": data, "epochs": epochs, "seed": seed}
    arms = tuple(
        Arm(
            label,
            lab_experiment(**{**shared, **about.fields(word, data)}),
        )
        for word, label in zip(chosen, labels, strict=True)
    )
    return LabExperiment("duel", title, arms)


def default_duel(seed: int) -> LabExperiment:
    """The duel that nobody has changed, on the sample."""
    thing = next(iter(DUEL_FACTORS))
    data = Data(train_images=DUEL_IMAGES)
    return duel(thing, DUEL_FACTORS[thing].usual, data, epochs=DUEL_EPOCHS, seed=seed)


def cures(data: Data, *, epochs: int, seed: int) -> LabExperiment:
    """No cure, augmentation, dropout, L2, early stopping, and all of them; raises as the rest."""
    augmented = {"augmentation": AUGMENTATIONS["both"]}
    dropped = {"architecture": lab_network(data.dataset, dropout=_DROPOUT)}
    stopped = {"early_stopping": EarlyStopping(patience=_PATIENCE)}
    tried: Mapping[str, Mapping[str, Any]] = {
        BASELINE_LABEL: {},
        "augmentation": augmented,
        f"dropout {_DROPOUT}": dropped,
        f"L2 {_L2}": {"l2": _L2},
        "early stopping": stopped,
        "all together": {**augmented, **dropped, "l2": _L2, **stopped},
    }
    return LabExperiment(
        "cures",
        "Cures for overfitting",
        tuple(
            Arm(label, lab_experiment(data, epochs=epochs, seed=seed, **fields))
            for label, fields in tried.items()
        ),
    )


def default_cures(seed: int) -> LabExperiment:
    """What nobody has changed, on the sample."""
    return cures(Data(train_images=CURES_IMAGES), epochs=CURES_EPOCHS, seed=seed)


def memorisation(percent: int, data: Data, *, epochs: int, seed: int) -> LabExperiment:
    """The run with so many per cent of wrong labels, and the same with none.

    Raises ``ExperimentInvalid``.
    """
    if not MIN_WRONG_PERCENT <= percent <= MAX_WRONG_PERCENT:
        raise ExperimentInvalid(
            "Between {fewest}% and {most}% of the labels can be wrong, not {percent}%.",
            fewest=MIN_WRONG_PERCENT,
            most=MAX_WRONG_PERCENT,
            percent=percent,
        )
    share = percent / 100
    wrong = data.model_copy(update={"wrong_labels": share, "wrong_labels_seed": seed})
    words = f"{format_share(share)} wrong labels"
    return LabExperiment(
        "memorisation",
        f"Memorisation: {words}",
        (
            Arm(words, lab_experiment(wrong, epochs=epochs, seed=seed)),
            Arm("correct labels", lab_experiment(data, epochs=epochs, seed=seed)),
        ),
    )


def default_memorisation(seed: int) -> LabExperiment:
    """What nobody has changed, on the sample."""
    data = Data(train_images=MEMORISATION_IMAGES)
    return memorisation(MEMORISATION_PERCENT, data, epochs=MEMORISATION_EPOCHS, seed=seed)


def dataset_sizes(most: int, data: Data, *, epochs: int, seed: int) -> LabExperiment:
    """The same on each of ``SIZES`` up to ``most``; a smaller number's images are in a larger's.

    Raises ``ExperimentInvalid`` where that leaves fewer than two.
    """
    counts = [size for size in DATASET_SIZES if size <= most]
    if len(counts) < 2:
        raise ExperimentInvalid(
            "Comparing data set sizes needs at least {fewest:,} training images, not {most:,}.",
            fewest=DATASET_SIZES[1],
            most=most,
        )
    return LabExperiment(
        "sizes",
        f"Too little data: {counts[0]:,} to {counts[-1]:,} images",
        tuple(
            Arm(
                f"{count:,} images",
                lab_experiment(
                    data.model_copy(update={"train_images": count}), epochs=epochs, seed=seed
                ),
            )
            for count in counts
        ),
    )


def default_dataset_sizes(seed: int) -> LabExperiment:
    """What nobody has changed, on the sample."""
    return dataset_sizes(LARGEST_DATASET_SIZE, Data(), epochs=SIZES_EPOCHS, seed=seed)


DUEL_FACTORS: Final[Mapping[str, DuelFactor]] = MappingProxyType(
    {
        "augmentation": DuelFactor(
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
        "dropout": DuelFactor(
            "Dropout",
            "The share of values set to zero at random before the last layer; half of that share "
            "after each pooling layer.",
            {"0": "no dropout", **{word: f"dropout {word}" for word in ("0.15", "0.3", "0.5")}},
            ("0", "0.3"),
            _network("dropout", float),
        ),
        "images": DuelFactor(
            "Number of training images",
            "How many images the network is trained on.",
            {str(count): f"{count:,} images" for count in _IMAGES},
            ("500", "5000"),
            _images,
        ),
        "l2": DuelFactor(
            "L2 penalty",
            "How strongly large weights are penalised.",
            {"0": "no penalty", **{word: f"L2 {word}" for word in ("0.001", "0.003", "0.01")}},
            ("0", "0.003"),
            lambda word, data: {"l2": float(word)},
        ),
        "batch-norm": DuelFactor(
            "Batch normalisation",
            "Centres and scales each channel over the batch after each convolution.",
            {"off": "no batch normalisation", "on": "batch normalisation"},
            ("off", "on"),
            _network("batch_norm", lambda word: word == "on"),
        ),
        "early-stopping": DuelFactor(
            "Early stopping",
            "Stops a run after this many epochs without improvement, and restores its best "
            "weights.",
            {"off": "no early stopping", "2": "patience 2", "4": "patience 4"},
            ("off", "2"),
            _early_stopping,
        ),
        "width": DuelFactor(
            "Width of the network",
            "Multiplies the number of filters and units in each layer.",
            {
                "0.25": "a quarter as wide",
                "0.5": "half as wide",
                "1": "normal width",
                "2": "twice as wide",
            },
            ("0.25", "1"),
            _network("width", float),
        ),
        "batch-size": DuelFactor(
            "Batch size",
            "How many images are used for each update of the weights.",
            {word: f"batch {word}" for word in ("8", "32", "128", "500")},
            ("32", "500"),
            lambda word, data: {"batch_size": int(word)},
        ),
    }
)
"""By the word an address has for each."""
