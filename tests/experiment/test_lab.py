"""Runs of a lab experiment differ in one setting only."""

from collections.abc import Callable
from itertools import combinations

import pytest

from cifarviz.datasets.registry import DATASETS, find_dataset
from cifarviz.errors import ExperimentInvalid
from cifarviz.experiment import lab
from cifarviz.experiment.choices import Data
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.lab import LabExperiment
from cifarviz.layers.batch_norm import BatchNorm
from cifarviz.layers.conv2d import Conv2D
from cifarviz.layers.dense import Dense
from cifarviz.layers.dropout import Dropout

USUAL: tuple[Callable[[int], LabExperiment], ...] = (
    lab.default_duel,
    lab.default_memorisation,
    lab.default_dataset_sizes,
    lab.default_cures,
)
DATA = Data(train_images=2000)


def differing(first: Experiment, second: Experiment) -> set[str]:
    return {
        name for name in Experiment.model_fields if getattr(first, name) != getattr(second, name)
    }


@pytest.mark.parametrize("usual", USUAL)
def test_the_defaults_can_be_trained_on_the_sample(usual: Callable) -> None:
    entry = usual(7)
    assert len(entry.arms) >= 2
    assert len({arm.label for arm in entry.arms}) == len(entry.arms)
    for arm in entry.arms:
        arm.experiment.check_against(5000, 1000)
        assert (arm.experiment.seed, arm.experiment.precision) == (7, "float32")
        assert len(entry.run_name(arm)) <= 100


FIELDS = {
    "images": "data",
    "augmentation": "augmentation",
    "dropout": "architecture",
    "batch-norm": "architecture",
    "learning-rate": "optimizer",
    "width": "architecture",
    "l2": "l2",
    "early-stopping": "early_stopping",
    "batch-size": "batch_size",
}


@pytest.mark.parametrize("thing", lab.DUEL_FACTORS)
@pytest.mark.parametrize("dataset", DATASETS)
def test_runs_of_a_duel_differ_in_one_field_only(thing: str, dataset: str) -> None:
    about = lab.DUEL_FACTORS[thing]
    data = Data(dataset=dataset, variant="full")
    values = dict(about.values)
    if thing == "augmentation" and find_dataset(dataset).image_shape[2] == 1:
        del values["colour"]
        with pytest.raises(ExperimentInvalid, match=r"^Grey images have no colour to change"):
            lab.duel(thing, ("off", "colour"), data, epochs=20, seed=3)
    for pair in combinations(values, 2):
        first, second = lab.duel(thing, pair, data, epochs=20, seed=3).arms
        assert differing(first.experiment, second.experiment) == {FIELDS[thing]}
    assert 2 <= len(about.default) <= 3


def test_each_architecture_differs_by_its_label() -> None:
    def layers(thing: str, word: str) -> tuple[object, ...]:
        pair = ([word, *(value for value in lab.DUEL_FACTORS[thing].values if value != word)])[:2]
        entry = lab.duel(thing, pair, DATA, epochs=5, seed=1)
        label = lab.DUEL_FACTORS[thing].values[word]
        [arm] = [arm for arm in entry.arms if arm.label == label]
        return arm.experiment.architecture.layers

    assert not [layer for layer in layers("dropout", "0") if isinstance(layer, Dropout)]
    rates = [layer.rate for layer in layers("dropout", "0.3") if isinstance(layer, Dropout)]
    assert rates == [0.15, 0.15, 0.15, 0.3]
    assert len([layer for layer in layers("batch-norm", "on") if isinstance(layer, BatchNorm)]) == 3
    widths = [
        [layer.filters for layer in layers("width", word) if isinstance(layer, Conv2D)]
        for word in ("0.5", "1", "2")
    ]
    assert widths == [[8, 16, 32], [16, 32, 64], [32, 64, 128]]
    units = [layer.units for layer in layers("width", "2") if isinstance(layer, Dense)]
    assert units == [256, 10]


def test_the_title_names_the_difference() -> None:
    entry = lab.duel("dropout", ("0.3", "0"), DATA, epochs=5, seed=1)
    assert entry.title == "Dropout: no dropout against dropout 0.3"
    assert [entry.run_name(arm) for arm in entry.arms] == [
        "no dropout · duel · sample",
        "dropout 0.3 · duel · sample",
    ]


@pytest.mark.parametrize(
    ("thing", "text", "message"),
    [
        ("magic", ("0", "1"), "A duel cannot vary “magic”. Choose one of: augmentation, dropout, "),
        ("dropout", ("0", "7"), "“Dropout” cannot be “7” in a duel. Choose from: 0, 0.15, "),
        ("dropout", ("0",), "2 or 3 runs. Choose 2 or 3 values of “dropout”, not 1"),
        ("dropout", ("0", "0.15", "0.3", "0.5"), "not 4"),
        ("dropout", ("0", "0"), "not 1"),
        ("early-stopping", ("off", "4"), "patience of 4 epochs can never stop a run of 3"),
    ],
)
def test_an_invalid_duel_is_refused(thing: str, text: tuple[str, ...], message: str) -> None:
    with pytest.raises(ExperimentInvalid, match=message):
        lab.duel(thing, text, DATA, epochs=3, seed=1)


def test_memorisation_differs_in_its_labels_only() -> None:
    wrong, right = lab.memorisation(30, DATA, epochs=9, seed=5).arms
    assert differing(wrong.experiment, right.experiment) == {"data"}
    assert wrong.experiment.data == DATA.model_copy(
        update={"wrong_labels": 0.3, "wrong_labels_seed": 5}
    )
    assert right.experiment.data == DATA
    for percent in (0, 91):
        with pytest.raises(ExperimentInvalid, match="Between 1% and 90%"):
            lab.memorisation(percent, DATA, epochs=9, seed=5)


def test_there_is_a_run_for_each_possible_size() -> None:
    def counts(most: int) -> list[int | None]:
        made = lab.dataset_sizes(most, Data(), epochs=2, seed=1)
        return [arm.experiment.data.train_images for arm in made.arms]

    assert counts(5000) == [500, 1000, 2000, 5000]
    assert counts(60_000)[-1] == 50_000
    with pytest.raises(ExperimentInvalid, match="at least 1,000"):
        counts(999)


def test_cures_are_tried_alone_and_together() -> None:
    none, *each, everything = [arm.experiment for arm in lab.default_cures(1).arms]
    changed = [differing(none, experiment) for experiment in each]
    assert changed == [{"augmentation"}, {"architecture"}, {"l2"}, {"early_stopping"}]
    assert differing(none, everything) == set.union(*changed)
    for [field], experiment in zip(changed, each, strict=True):
        assert getattr(everything, field) == getattr(experiment, field)


def test_transfer_takes_the_layers_before_the_head_of_the_first_run() -> None:
    data = Data(train_images=50)
    learned, scratch, frozen = lab.transfer(Data(), data, epochs=9, seed=2).arms
    assert [arm.layers_taken for arm in (learned, scratch, frozen)] == [0, 0, 12]
    assert learned.experiment.epochs == lab.TRANSFER_FIRST_EPOCHS
    assert learned.experiment.architecture == scratch.experiment.architecture
    assert differing(scratch.experiment, frozen.experiment) == {"architecture"}
    network = frozen.experiment.architecture
    assert network.trace().trainable_parameters == sum(
        row.parameters for row in network.trace().rows[12:]
    )
