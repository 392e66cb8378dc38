"""The lab's experiments and the runs each of them trains."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal

from cifarviz.datasets.registry import find_dataset
from cifarviz.errors import ExperimentInvalid
from cifarviz.experiment.architecture import Architecture
from cifarviz.experiment.choices import Augmentation, Data, EarlyStopping, TestValidation
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.formatting import format_share
from cifarviz.experiment.optimizers import Adam
from cifarviz.experiment.transfer import layers_before_head
from cifarviz.layers.activation import Activation
from cifarviz.layers.base import Layer
from cifarviz.layers.batch_norm import BatchNorm
from cifarviz.layers.conv2d import Conv2D
from cifarviz.layers.dense import Dense
from cifarviz.layers.dropout import Dropout
from cifarviz.layers.flatten import Flatten
from cifarviz.layers.pooling import MaxPool2D

LabKind = Literal["duel", "memorisation", "sizes", "cures", "transfer"]
LAB_TITLES: Mapping[LabKind, str] = MappingProxyType(
    {
        "duel": "Duel",
        "memorisation": "Memorisation",
        "sizes": "Too little data",
        "cures": "Cures",
        "transfer": "Transfer",
    }
)
"""The titles of the lab's experiments by their kind, in the order of the page."""


@dataclass(frozen=True)
class Arm:
    """A run of a lab experiment; ``label`` is its difference, such as ``dropout 0.5``.

    ``layers_taken``: so many of its first layers start with the weights of the first arm's run.
    """

    label: str
    experiment: Experiment
    layers_taken: int = 0


@dataclass(frozen=True)
class LabExperiment:
    """All runs of a lab experiment in training order; ``title`` names what differs."""

    kind: LabKind
    title: str
    arms: tuple[Arm, ...]

    def run_name(self, arm: Arm) -> str:
        """Return the name of this arm's run on other pages: ``mirrored · duel · sample``."""
        sample = ["sample"] if arm.experiment.data.variant == "sample" else []
        return " · ".join([arm.label, LAB_TITLES[self.kind].lower(), *sample])


_FILTERS = (16, 32, 64)
_UNITS = 128
MIN_DUEL_RUNS, MAX_DUEL_RUNS = 2, 3
"""The numbers of runs in a duel."""
Fields = Mapping[str, Any]


@dataclass(frozen=True)
class DuelFactor:
    """What differs between the runs of a duel.

    ``values`` has the label of each value by its key in an address; ``default`` are the keys of
    the default duel. ``fields`` returns the experiment fields for a key and the training data.
    """

    title: str
    hint: str
    values: Mapping[str, str]
    default: tuple[str, ...]
    fields: Callable[[str, Data], Fields]


AUGMENTATIONS: Final[Mapping[str, Augmentation]] = MappingProxyType(
    {
        "off": Augmentation(),
        "flip": Augmentation(flip=True),
        "shift": Augmentation(shift=3),
        "both": Augmentation(flip=True, shift=3),
        "rotation": Augmentation(rotation=15),
        "zoom": Augmentation(zoom=0.2),
        "brightness": Augmentation(brightness=0.2),
        "contrast": Augmentation(contrast=0.4),
        "colour": Augmentation(saturation=0.5, hue=20),
        "cutout": Augmentation(cutout=8),
        "mixup": Augmentation(mixup=0.4),
        "cutmix": Augmentation(cutmix=1),
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
SCRATCH_LABEL: Final = "random weights"
TRANSFER_FIRST_EPOCHS: Final = 25
TRANSFER_IMAGES: Final = 100
TRANSFER_EPOCHS: Final = 30


def lab_network(
    dataset: str, *, width: float = 1.0, dropout: float = 0.0, batch_norm: bool = False
) -> Architecture:
    """Return a network of three convolutions and a hidden layer.

    It is small enough to train in seconds and large enough to memorise. ``width`` multiplies
    filters and units; ``dropout`` is the rate before the last layer, and half of it after each
    pooling; ``batch_norm`` adds batch normalisation after each convolution.
    """
    info = find_dataset(dataset)
    # Halving fewer than eight pixels three times would leave none.
    pool = MaxPool2D(padding="valid" if min(info.image_shape[:2]) >= 8 else "same")
    layers: list[Layer] = []
    for filters in _FILTERS:
        scaled = round(width * filters)
        if batch_norm:
            layers += [
                Conv2D(filters=scaled, activation="linear"),
                # In short runs, moving means with 0.99 would still be close to their initial value.
                BatchNorm(momentum=0.9),
                Activation(activation="relu"),
            ]
        else:
            layers.append(Conv2D(filters=scaled))
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
    """Return an experiment of the lab with ``fields`` changed.

    It validates on the test images: no setting is chosen by them, and all training images are
    used. Raises ``ExperimentInvalid``.
    """
    base: dict[str, object] = {
        "validation": TestValidation(),
        "architecture": lab_network(data.dataset),
        "optimizer": Adam(learning_rate=0.001),
        "batch_size": 32,
        # Not "auto": compared runs must use the same precision.
        "precision": "float32",
    }
    return Experiment.make(**{**base, "data": data, "epochs": epochs, "seed": seed, **fields})


def _network(name: str, parse: Callable[[str], object]) -> Callable[[str, Data], Fields]:
    return lambda key, data: {"architecture": lab_network(data.dataset, **{name: parse(key)})}  # type: ignore[arg-type]


def duel(
    factor_name: str, values: Sequence[str], data: Data, *, epochs: int, seed: int
) -> LabExperiment:
    """Return a duel about a factor of ``DUEL_FACTORS`` with two or three of its values.

    Raises ``ExperimentInvalid`` for another number of values, an unknown factor or value, and an
    experiment that cannot be trained.
    """
    factor = DUEL_FACTORS.get(factor_name)
    if factor is None:
        raise ExperimentInvalid(
            "A duel cannot vary “{name}”. Choose one of: {names}.",
            name=factor_name[:40],
            names=", ".join(DUEL_FACTORS),
        )
    for value in values:
        if value not in factor.values:
            raise ExperimentInvalid(
                "“{factor}” cannot be “{value}” in a duel. Choose from: {values}.",
                factor=factor.title,
                value=value[:40],
                values=", ".join(factor.values),
            )
    chosen = [value for value in factor.values if value in values]
    if not MIN_DUEL_RUNS <= len(chosen) <= MAX_DUEL_RUNS:
        raise ExperimentInvalid(
            "A duel has {fewest} or {most} runs. Choose {fewest} or {most} values of "
            "“{factor}”, not {count}.",
            fewest=MIN_DUEL_RUNS,
            most=MAX_DUEL_RUNS,
            factor=factor.title.lower(),
            count=len(chosen),
        )
    labels = [factor.values[value] for value in chosen]
    shared: Fields = {"data": data, "epochs": epochs, "seed": seed}
    return LabExperiment(
        "duel",
        f"{factor.title}: {' against '.join(labels)}",
        tuple(
            Arm(label, lab_experiment(**{**shared, **factor.fields(value, data)}))
            for value, label in zip(chosen, labels, strict=True)
        ),
    )


def default_duel(seed: int) -> LabExperiment:
    """Return the default duel, on the sample."""
    name, factor = next(iter(DUEL_FACTORS.items()))
    data = Data(train_images=DUEL_IMAGES)
    return duel(name, factor.default, data, epochs=DUEL_EPOCHS, seed=seed)


def cures(data: Data, *, epochs: int, seed: int) -> LabExperiment:
    """Return runs without a cure, with each cure for overfitting, and with all of them.

    Raises ``ExperimentInvalid``.
    """
    augmentation = {"augmentation": AUGMENTATIONS["both"]}
    dropout = {"architecture": lab_network(data.dataset, dropout=_DROPOUT)}
    early_stopping = {"early_stopping": EarlyStopping(patience=_PATIENCE)}
    fields_by_label: Mapping[str, Mapping[str, Any]] = {
        BASELINE_LABEL: {},
        "augmentation": augmentation,
        f"dropout {_DROPOUT}": dropout,
        f"L2 {_L2}": {"l2": _L2},
        "early stopping": early_stopping,
        "all together": {**augmentation, **dropout, "l2": _L2, **early_stopping},
    }
    return LabExperiment(
        "cures",
        "Cures for overfitting",
        tuple(
            Arm(label, lab_experiment(data, epochs=epochs, seed=seed, **fields))
            for label, fields in fields_by_label.items()
        ),
    )


def default_cures(seed: int) -> LabExperiment:
    """Return the default cures experiment, on the sample."""
    return cures(Data(train_images=CURES_IMAGES), epochs=CURES_EPOCHS, seed=seed)


def memorisation(percent: int, data: Data, *, epochs: int, seed: int) -> LabExperiment:
    """Return a run with ``percent`` wrong labels and the same run without.

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
    label = f"{format_share(share)} wrong labels"
    return LabExperiment(
        "memorisation",
        f"Memorisation: {label}",
        (
            Arm(label, lab_experiment(wrong, epochs=epochs, seed=seed)),
            Arm("correct labels", lab_experiment(data, epochs=epochs, seed=seed)),
        ),
    )


def default_memorisation(seed: int) -> LabExperiment:
    """Return the default memorisation experiment, on the sample."""
    data = Data(train_images=MEMORISATION_IMAGES)
    return memorisation(MEMORISATION_PERCENT, data, epochs=MEMORISATION_EPOCHS, seed=seed)


def dataset_sizes(most: int, data: Data, *, epochs: int, seed: int) -> LabExperiment:
    """Return a run for each of ``DATASET_SIZES`` up to ``most``.

    Smaller numbers of images are subsets of larger ones. Raises ``ExperimentInvalid`` if there
    are fewer than two sizes.
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
    """Return the default data set sizes experiment, on the sample."""
    return dataset_sizes(LARGEST_DATASET_SIZE, Data(), epochs=SIZES_EPOCHS, seed=seed)


def transfer(first: Data, then: Data, *, epochs: int, seed: int) -> LabExperiment:
    """Return a run on ``first``, and runs on ``then`` from scratch and with layers of the first.

    These take all layers that work on maps, frozen: what they find was learned on ``first``.
    Raises ``ExperimentInvalid``.
    """
    network = lab_network(then.dataset, batch_norm=True)
    taken = layers_before_head(network.trace())
    learned = lab_experiment(
        first,
        epochs=TRANSFER_FIRST_EPOCHS,
        seed=seed,
        architecture=lab_network(first.dataset, batch_norm=True),
        augmentation=AUGMENTATIONS["both"],
    )
    scratch = lab_experiment(then, epochs=epochs, seed=seed, architecture=network)
    frozen = lab_experiment(then, epochs=epochs, seed=seed, architecture=network.with_frozen(taken))
    return LabExperiment(
        "transfer",
        f"Transfer to {find_dataset(then.dataset).title}",
        (
            Arm("other classes first", learned),
            Arm(SCRATCH_LABEL, scratch),
            Arm("frozen learned layers", frozen, taken),
        ),
    )


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
                "rotation": "rotated",
                "zoom": "zoomed",
                "brightness": "brightness",
                "contrast": "contrast",
                "colour": "colour",
                "cutout": "cutout",
                "mixup": "mixup",
                "cutmix": "CutMix",
            },
            ("off", "both"),
            lambda key, data: {"augmentation": AUGMENTATIONS[key]},
        ),
        "dropout": DuelFactor(
            "Dropout",
            "The share of values set to zero at random before the last layer; half of that share "
            "after each pooling layer.",
            {"0": "no dropout", **{key: f"dropout {key}" for key in ("0.15", "0.3", "0.5")}},
            ("0", "0.3"),
            _network("dropout", float),
        ),
        "images": DuelFactor(
            "Number of training images",
            "How many images the network is trained on.",
            {str(count): f"{count:,} images" for count in _IMAGES},
            ("500", "5000"),
            lambda key, data: {"data": data.model_copy(update={"train_images": int(key)})},
        ),
        "l2": DuelFactor(
            "L2 penalty",
            "How strongly large weights are penalised.",
            {"0": "no penalty", **{key: f"L2 {key}" for key in ("0.001", "0.003", "0.01")}},
            ("0", "0.003"),
            lambda key, data: {"l2": float(key)},
        ),
        "batch-norm": DuelFactor(
            "Batch normalisation",
            "Centres and scales each channel over the batch after each convolution.",
            {"off": "no batch normalisation", "on": "batch normalisation"},
            ("off", "on"),
            _network("batch_norm", lambda key: key == "on"),
        ),
        "early-stopping": DuelFactor(
            "Early stopping",
            "Stops a run after this many epochs without improvement, and restores its best "
            "weights.",
            {"off": "no early stopping", "2": "patience 2", "4": "patience 4"},
            ("off", "2"),
            lambda key, data: {
                "early_stopping": None if key == "off" else EarlyStopping(patience=int(key))
            },
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
        "learning-rate": DuelFactor(
            "Learning rate",
            "How far the weights move in each step, with Adam.",
            {
                "0.00003": "rate 0.00003",
                "0.0003": "rate 0.0003",
                "0.001": "rate 0.001",
                "0.003": "rate 0.003",
                "0.03": "rate 0.03",
            },
            ("0.00003", "0.001", "0.03"),
            lambda key, data: {"optimizer": Adam(learning_rate=float(key))},
        ),
        "batch-size": DuelFactor(
            "Batch size",
            Experiment.help_text("batch_size"),
            {key: f"batch {key}" for key in ("8", "32", "128", "500")},
            ("32", "500"),
            lambda key, data: {"batch_size": int(key)},
        ),
    }
)
"""What a duel can vary, by its key in an address."""
