"""Tables for spreadsheets equal the computed values."""

import io
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from cifarviz.analysis.disagreements import compare_evaluations
from cifarviz.analysis.ensemble import combine
from cifarviz.analysis.evaluation import Evaluation, evaluate
from cifarviz.analysis.galleries import LearningProgress
from cifarviz.analysis.tables import (
    accuracies_table,
    confusion_table,
    disagreements_table,
    history_table,
    pictures_table,
    scores_table,
    votes_table,
)
from cifarviz.runs.log_probabilities import Predictions
from cifarviz.runs.records import Epoch
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from tests import stored_runs

CLASSES = ("cat", "dog, large", "frog")


def random_evaluation(seed: int) -> Evaluation:
    random = np.random.default_rng(seed)
    labels = np.arange(60) % 3
    shares = random.dirichlet([1, 1, 1], 60).astype(np.float32)
    return evaluate(labels, Predictions.from_probabilities(shares), np.arange(60) + 1000, CLASSES)


def read_back(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.read_csv(io.StringIO(frame.to_csv()), index_col=0)


def test_scores_have_their_intervals() -> None:
    found = random_evaluation(0)
    table = read_back(scores_table(found))
    assert list(table.index) == list(CLASSES)
    for place, name in enumerate(CLASSES):
        right = int(found.confusion[place, place])
        for score, of in (
            ("recall", found.confusion[place].sum()),
            ("precision", found.confusion[:, place].sum()),
        ):
            row = table.loc[name]
            assert row[score] == pytest.approx(right / of)
            bounds = binomtest(right, int(of)).proportion_ci(0.95, "wilson")
            assert row[f"{score}_low"] == pytest.approx(bounds.low, abs=1e-6)
            assert row[f"{score}_high"] == pytest.approx(bounds.high, abs=1e-6)
    assert table["support"].tolist() == [20, 20, 20]


def test_the_confusion_table_has_class_names_in_order() -> None:
    found = random_evaluation(0)
    table = read_back(confusion_table(found, (2, 0, 1)))
    assert list(table.index) == list(table.columns) == [CLASSES[i] for i in (2, 0, 1)]
    for actual, name in enumerate(CLASSES):
        for predicted, other in enumerate(CLASSES):
            assert table.loc[name, other] == found.confusion[actual, predicted]


def test_the_pictures_table_keeps_the_order_and_has_predictions() -> None:
    found = random_evaluation(0)
    positions = np.array([7, 3, 50])
    epochs, times = np.array([1, 2, 4, 8]), np.arange(60) % 5
    learned = LearningProgress(epochs, np.arange(60) - 3, np.arange(60)[::-1], times)
    table = read_back(pictures_table(found, positions, learned))
    assert list(table.index) == [1007, 1003, 1050]
    # Nothing where it is wrong at the end; whole numbers all the same.
    lines = pictures_table(found, positions, learned).to_csv().splitlines()
    cells = [line.rsplit(",", 4)[1:] for line in lines]
    assert cells == [
        ["right_for_good_from_epoch", "times_forgotten", "epochs_right", "epochs_kept"],
        ["4", "52", "2", "4"],
        ["", "56", "3", "4"],
        ["47", "9", "0", "4"],
    ]
    for position, (_, row) in zip(positions, table.iterrows(), strict=True):
        assert row["actual"] == CLASSES[position % 3]
        assert row["predicted"] == CLASSES[found.probabilities[position].argmax()]
        assert row["probability"] == pytest.approx(found.probabilities[position].max())
        own = found.probabilities[position, position % 3]
        assert row["probability_of_actual"] == pytest.approx(own)
    assert "right_for_good_from_epoch" not in pictures_table(found, positions)


def test_the_disagreements_table_has_both_predictions() -> None:
    first, second = random_evaluation(0), random_evaluation(1)
    table = read_back(
        disagreements_table(compare_evaluations(first, second), CLASSES, np.arange(60))
    )
    for name, found in (("A", first), ("B", second)):
        assert list(table[f"{name}_predicted"]) == [CLASSES[one] for one in found.predicted]
        assert list(table[f"{name}_right"]) == list(found.predicted == found.labels)
        np.testing.assert_allclose(table[f"{name}_probability"], found.probabilities.max(axis=1))


def test_the_history_has_a_row_for_each_epoch_and_gaps(
    settings: Settings,
) -> None:
    epochs = [Epoch(1, 2.0, 0.2, 2.1, 0.8, 0.1, 1.0), Epoch(2, 1.5, 0.4, None, None, 0.1, 1.0)]
    run = stored_runs.store_run(RunStore(settings), stored_runs.experiment())
    table = read_back(history_table(epochs, replace(run, validation_images=10)))
    assert list(table.index) == [1, 2]
    assert table["loss"].tolist() == [2.0, 1.5]
    bounds = binomtest(8, 10).proportion_ci(0.95, "wilson")
    assert table.loc[1, "val_accuracy_low"] == pytest.approx(bounds.low, abs=1e-6)
    assert table.loc[1, "val_accuracy_high"] == pytest.approx(bounds.high, abs=1e-6)
    assert table.loc[2, ["val_loss", "val_accuracy", "val_accuracy_low"]].isna().all()
    assert "val_accuracy_low" not in history_table(epochs, run)
    assert "losses" not in table


def test_the_history_marks_losses_of_an_earlier_version(settings: Settings) -> None:
    epochs = [Epoch(1, 2.0, 0.2, 2.1, 0.8, 0.1, 1.0), Epoch(2, 1.5, 0.4, 1.6, 0.8, 0.1, 1.0)]
    run = stored_runs.store_run(RunStore(settings), stored_runs.experiment(), epochs=2)
    resumed = history_table(epochs, replace(run, exact_loss_from=2))
    assert resumed["losses"].tolist() == [
        "validation loss clipped at 16.1 per image up to epoch 1",
        "plain cross-entropy",
    ]


def test_votes_and_accuracies_of_an_ensemble() -> None:
    members = [random_evaluation(seed) for seed in (0, 1, 2)]
    ensemble = combine([one.predictions for one in members], members[0].labels, members[0].indices)
    table = read_back(votes_table(ensemble, CLASSES, ["m1", "m2", "m3"]))
    assert list(table["m2"]) == [CLASSES[one] for one in members[1].predicted]
    assert list(table["by_sum"]) == [CLASSES[one] for one in ensemble.soft]
    table = read_back(accuracies_table(["m1", "both"], [0.5, 0.8], 10))
    bounds = binomtest(8, 10).proportion_ci(0.95, "wilson")
    assert table.loc["both", "accuracy_low"] == pytest.approx(bounds.low, abs=1e-6)
    assert table["images"].tolist() == [10, 10]
